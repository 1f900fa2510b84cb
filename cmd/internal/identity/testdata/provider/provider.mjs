// Runs a certified OpenID provider for the sign-in tests. The only argument is
// the list of clients, as JSON. It listens on a free loopback port, prints its
// URL on one line, and exits when its standard input is closed.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const clients = JSON.parse(process.argv[2]);

// Made-up people. Typing one of these ids signs in as that person.
const people = {
  'P-1': { name: 'Ana Quiroga', agent_id: 'A-1' },
  'P-3': { name: 'Cy Okafor', roles: ['auditor'] },
};

function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' };
}

function configuration() {
  return {
    clients,
    jwks: { keys: [newKey()] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    claims: { openid: ['sub'], profile: ['name', 'agent_id', 'roles'] },
    // The portal reads the claims from the ID token and never calls userinfo.
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
    features: {
      devInteractions: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({ scope: 'books', audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
      },
    },
  };
}

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on('request', new Provider(issuer, configuration()).callback());
  console.log(issuer);
});
process.stdin.on('end', () => process.exit(0)).resume();
