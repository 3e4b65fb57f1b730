// The same by hand, with oauth4webapi, which checks what RFC 9207 and RFC 9449 want of an answer.
//
//   node oauth4webapi.mjs ISSUER RESOURCE
//
// Its session is bound to a key by DPoP; it refreshes, tries without the key, retries an identical request, and revokes with
// a proof.
import * as oauth from "oauth4webapi";
import { callback, main, visit } from "./talk.mjs";

const [issuer, resource] = process.argv.slice(2);
const insecure = { [oauth.allowInsecureRequests]: true }; // the test serves http on loopback

await main(async () => {
  const answers = await callback();
  const url = new URL(issuer);
  const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: "oauth2", ...insecure }));
  const registered = await fetch(as.registration_endpoint, {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ redirect_uris: [answers.redirectUri], client_name: "Example Web API client" }),
  });
  const client = await registered.json();
  const auth = oauth.None();
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair("ES256"));

  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const to = new URL(as.authorization_endpoint);
  for (const [name, value] of Object.entries({
    response_type: "code", client_id: client.client_id, redirect_uri: answers.redirectUri, resource, state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
  })) to.searchParams.set(name, value);
  const parameters = oauth.validateAuthResponse(as, client, await visit(answers, to), state);
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, await oauth.authorizationCodeGrantRequest(
    as, client, auth, parameters, answers.redirectUri, verifier, { DPoP, additionalParameters: { resource }, ...insecure }));

  const refresh = (token, options) => oauth.refreshTokenGrantRequest(as, client, auth, token, { additionalParameters: { resource }, ...options, ...insecure });
  const status = async (response) => ({ status: response.status, ...(await response.json()) });
  const stolen = await status(await refresh(tokens.refresh_token, {}));
  const next = await oauth.processRefreshTokenResponse(as, client, await refresh(tokens.refresh_token, { DPoP }));
  const retried = await oauth.processRefreshTokenResponse(as, client, await refresh(tokens.refresh_token, { DPoP }));

  const revoke = (proof) => fetch(as.revocation_endpoint, {
    method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded", ...proof },
    body: new URLSearchParams({ token: next.refresh_token, client_id: client.client_id }),
  });
  const unproved = (await revoke({})).status;
  const headers = new Headers();
  await DPoP.addProof(new URL(as.revocation_endpoint), headers, "POST");
  const revoked = (await revoke({ DPoP: headers.get("DPoP") })).status;
  const after = await status(await refresh(next.refresh_token, { DPoP }));
  return { registeredStatus: registered.status, client, tokens, stolen, next, retried, unproved, revoked, after };
});
