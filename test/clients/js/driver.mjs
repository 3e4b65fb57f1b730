// Gets credentials through the AWS SDK for JavaScript v3, asks STS who they are for, and prints one line of JSON about it.
// The environment says everything, as it does for a user's program.
//
//   node driver.mjs FOLDER [login|chain] [wait]
//
// FOLDER holds the node_modules to use. "login" takes fromLoginCredentials, "chain" what a client takes that is told
// nothing. With "wait" it loads the SDK, prints "ready", and goes on when a line comes in, so that several processes can
// begin at one moment.
import { once } from "node:events";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [folder, ...words] = process.argv.slice(2);
const require = createRequire(resolve(folder, "package.json"));
const { fromLoginCredentials, fromNodeProviderChain } = require("@aws-sdk/credential-providers");
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");

const failure = (stage, error) => ({ ok: false, stage, name: error.name, message: error.message });

async function run() {
  const provider = words.includes("login") ? fromLoginCredentials() : fromNodeProviderChain();
  if (words.includes("wait")) {
    process.stdout.write("ready\n");
    await once(process.stdin, "data");
  }
  let credentials;
  try {
    credentials = await provider();
  } catch (error) {
    return failure("credentials", error);
  }
  try {
    const identity = await new STSClient({ credentials }).send(new GetCallerIdentityCommand({}));
    return {
      ok: true,
      accessKeyId: credentials.accessKeyId,
      expires: credentials.expiration?.toISOString(),
      arn: identity.Arn,
      account: identity.Account,
    };
  } catch (error) {
    return failure("sts", error);
  }
}

process.stdout.write(JSON.stringify(await run()) + "\n", () => process.exit(0));
