// Calls operations of the service through the client that the AWS SDK for JavaScript v3 has inside of its credential
// providers. It reads one call as a line of JSON, prints what came of it as another, and ends when no more lines come in. A
// call without an operation is answered with the names of all that the client has.
//
//   node operations.mjs FOLDER
//
// FOLDER holds the node_modules to use. The address of the server is in AWS_ENDPOINT_URL_SIGNIN, as for any program.
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(resolve(process.argv[2], "package.json"));
const signin = require("@aws-sdk/nested-clients/signin");

const operations = Object.keys(signin).filter((name) => name.endsWith("Command") && name !== "$Command")
  .map((name) => name.slice(0, -"Command".length));

async function make({ operation, input, credentials, headers }) {
  if (!operation) return { ok: true, output: operations };
  const client = new signin.SigninClient({
    credentials: credentials ?? (async () => { throw new Error("the call has no credentials"); }),
  });
  client.middlewareStack.add(
    (next) => (args) => {
      Object.assign(args.request.headers, headers);
      return next(args);
    },
    { step: "build", name: "headersOfTheCall" },
  );
  try {
    const { $metadata, ...output } = await client.send(new signin[operation + "Command"](input));
    return { ok: true, output, requestId: $metadata.requestId };
  } catch (error) {
    return failed(error);
  } finally {
    client.destroy();
  }
}

// failed tells what a program learns of a refusal; exception is empty where the client has no class for it.
function failed(error) {
  const known = typeof signin[error.name] === "function" && error instanceof signin[error.name] &&
    error instanceof signin.SigninServiceException;
  return {
    ok: false,
    exception: known ? error.name : "",
    code: error.error ?? "",
    status: error.$metadata?.httpStatusCode ?? 0,
    message: error.message,
    requestId: error.$metadata?.requestId ?? "",
    text: String(error.stack),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await make(JSON.parse(line))) + "\n");
}
