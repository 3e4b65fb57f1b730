// The peer of the benchmark: oidc-provider, with what it keeps in memory, set up as near to Latchkey as its settings go.
//
//	node server.js PORT ES256|ES384 CHALLENGE
//
// POST /token is the provider's own. POST /mint?n=N answers N authorization codes with that PKCE challenge, made by the
// provider's own models, so that codes are had without a browser; GET /healthz answers 200. All of it is on 127.0.0.1, and
// ends with SIGTERM.
import { generateKeyPair } from 'node:crypto';
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import { Provider } from 'oidc-provider';

const [port, algorithm, challenge] = process.argv.slice(2);
const curve = { ES256: 'P-256', ES384: 'P-384' }[algorithm];
if (!port || !curve || !challenge) {
  console.error('usage: node server.js PORT ES256|ES384 CHALLENGE');
  process.exit(2);
}

// What the load generator knows too (internal/bench/peer.go).
const client = 'bench';
const redirect = 'http://127.0.0.1:35587/oauth/callback';
const scope = 'openid offline_access';

// The memory of the provider. The adapter that comes with it keeps no more than its newest thousand entries, which is
// less than the codes of one round. This one keeps all and forgets nothing, which costs less.
const memory = new Map();
class Memory {
  constructor(model) { this.prefix = `${model}:`; }
  async upsert(id, payload) { memory.set(this.prefix + id, payload); }
  async find(id) { return memory.get(this.prefix + id); }
  async findByUid() { return undefined; } // sessions of browsers; there are none
  async findByUserCode() { return undefined; }
  async destroy(id) { memory.delete(this.prefix + id); }
  async consume(id) { memory.get(this.prefix + id).consumed = Math.floor(Date.now() / 1000); }
  async revokeByGrantId() { throw new Error('a code or a token was used twice, which the load never does'); }
}

const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: curve });
const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: Memory,
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: algorithm }] },
  enabledJWA: { idTokenSigningAlgValues: [algorithm] },
  clientDefaults: { id_token_signed_response_alg: algorithm },
  clients: [{
    client_id: client,
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    redirect_uris: [redirect],
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'],
    dpop_bound_access_tokens: true,
    id_token_signed_response_alg: algorithm,
  }],
  features: { devInteractions: { enabled: false }, dPoP: { enabled: true } }, // no nonce is asked for
  ttl: { AuthorizationCode: 300, AccessToken: 900, RefreshToken: 12 * 3600, IdToken: 900, Grant: 12 * 3600 },
  async findAccount(_, sub) { return { accountId: sub, async claims() { return { sub }; } }; },
});

// mint does what the provider does once a person has approved: a grant, and a code for it.
async function mint() {
  const grant = new provider.Grant({ accountId: 'alice', clientId: client });
  grant.addOIDCScope(scope);
  const grantId = await grant.save();
  return new provider.AuthorizationCode({
    accountId: 'alice', authTime: Math.floor(Date.now() / 1000), client: await provider.Client.find(client),
    codeChallenge: challenge, codeChallengeMethod: 'S256', grantId, gty: 'authorization_code', redirectUri: redirect, scope,
  }).save();
}

async function answer(request, response) {
  if (request.url === '/healthz') return response.end('ok\n');
  const count = Number(new URL(request.url, provider.issuer).searchParams.get('n'));
  const codes = [];
  for (let i = 0; i < count; i += 1) codes.push(await mint());
  response.setHeader('Content-Type', 'application/json');
  return response.end(JSON.stringify(codes));
}

const tokens = provider.callback();
const server = createServer((request, response) => {
  if (request.url === '/token') return tokens(request, response);
  return answer(request, response).catch((error) => {
    response.statusCode = 500;
    response.end(`${error}\n`);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
