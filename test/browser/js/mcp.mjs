// An MCP client, as the official SDK makes it: it is told nothing but the address of an MCP server.
//
//   node mcp.mjs SERVER
//
// It finds the authorization server, registers, lets the person sign in, and calls a tool; then its access token breaks, so
// that it refreshes; then somebody else uses its spent refresh token, which ends the session.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { discoverOAuthServerInfo, refreshAuthorization, UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { callback, main, refused, visit } from "./talk.mjs";

const server = new URL(process.argv[2]);

await main(async () => {
  const answers = await callback();
  const kept = {};
  let opened;
  const provider = {
    redirectUrl: answers.redirectUri,
    clientMetadata: {
      client_name: "Example MCP client",
      redirect_uris: [answers.redirectUri],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      client_uri: "https://client.example",
    },
    state: () => "state-of-the-mcp-client",
    clientInformation: () => kept.client,
    saveClientInformation: (client) => void (kept.client = client),
    tokens: () => kept.tokens,
    saveTokens: (tokens) => void (kept.tokens = tokens),
    redirectToAuthorization: (url) => void (opened = url),
    saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
    codeVerifier: () => kept.verifier,
    invalidateCredentials: (scope) => void (scope === "all" || scope === "tokens" ? delete kept.tokens : undefined),
  };
  const connect = async () => {
    const transport = new StreamableHTTPClientTransport(server, { authProvider: provider });
    const client = new Client({ name: "example", version: "1" });
    await client.connect(transport);
    return { client, transport };
  };
  const whoami = async ({ client }) => (await client.callTool({ name: "whoami", arguments: {} })).structuredContent;

  const transport = new StreamableHTTPClientTransport(server, { authProvider: provider });
  try {
    await new Client({ name: "example", version: "1" }).connect(transport);
    throw new Error("the MCP server let a client in that has no token");
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
  }
  const answer = await visit(answers, opened);
  await transport.finishAuth(answer.searchParams.get("code"));

  const first = { ...kept.tokens };
  const session = await connect();
  const before = await whoami(session);

  kept.tokens = { ...kept.tokens, access_token: "ASOAbroken" };
  const after = await whoami(await connect());
  const second = { ...kept.tokens };

  const { authorizationServerUrl, authorizationServerMetadata } = await discoverOAuthServerInfo(server);
  // Without the resource, so that it is no identical retry, which a lost answer would excuse.
  const again = await refused(() =>
    refreshAuthorization(authorizationServerUrl, {
      metadata: authorizationServerMetadata, clientInformation: kept.client, refreshToken: first.refresh_token,
    }));
  opened = undefined;
  const over = await refused(async () => whoami(await connect()));

  return {
    client: kept.client, opened: opened && String(opened), state: answer.searchParams.get("state"), iss: answer.searchParams.get("iss"),
    before, after, first, second, again, over,
  };
});
