// A client made with openid-client, a certified relying party.
//
//   node openid.mjs ISSUER RESOURCE [dpop]
//
// It discovers, registers, lets the person sign in, redeems, refreshes, uses a spent refresh token, and revokes.
import * as client from "openid-client";
import { callback, main, refused, visit } from "./talk.mjs";

const [issuer, resource, dpop] = process.argv.slice(2);

await main(async () => {
  const answers = await callback();
  const insecure = { execute: [client.allowInsecureRequests] }; // the test serves http on loopback
  const config = await client.dynamicClientRegistration(
    new URL(issuer),
    { client_name: "Example OpenID client", redirect_uris: [answers.redirectUri], token_endpoint_auth_method: "none", id_token_signed_response_alg: "ES384" },
    client.None(),
    insecure,
  );
  const keys = dpop ? await client.randomDPoPKeyPair("ES256") : undefined;
  const options = keys ? { DPoP: client.getDPoPHandle(config, keys) } : undefined;

  const login = async () => {
    const verifier = client.randomPKCECodeVerifier();
    const state = client.randomState();
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: answers.redirectUri, scope: "openid", resource, state,
      code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
    });
    const answer = await visit(answers, url);
    return client.authorizationCodeGrant(config, answer, { pkceCodeVerifier: verifier, expectedState: state, idTokenExpected: true }, { resource }, options);
  };

  const first = await login();
  const second = await client.refreshTokenGrant(config, first.refresh_token, { resource }, options);
  // Not an identical retry, which a lost answer would excuse: the parameters differ.
  const reused = await refused(() => client.refreshTokenGrant(config, first.refresh_token, {}, options));
  const ended = await refused(() => client.refreshTokenGrant(config, second.refresh_token, { resource }, options));

  const third = await login();
  // Revocation has no place for a proof in this client, so only an unbound session can be revoked with it.
  let revoked;
  if (!dpop) {
    await client.tokenRevocation(config, third.refresh_token, { token_type_hint: "refresh_token" });
    revoked = await refused(() => client.refreshTokenGrant(config, third.refresh_token, { resource }, options));
  }
  const metadata = config.serverMetadata();
  return {
    clientId: config.clientMetadata().client_id, issuer: metadata.issuer, pkce: metadata.supportsPKCE(),
    claims: first.claims(), first, second, reused, ended, revoked,
  };
});
