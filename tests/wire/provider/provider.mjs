// An OpenID Connect provider with two people, for tests/wire/test_9_sso.py.
// node provider.mjs PORT REDIRECT_URI [forged]   forged: publishes other keys than it signs with
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const [port, redirect, forged] = process.argv.slice(2);
const PEOPLE = {
  known: { email: 'known@school.example', email_verified: true },
  unverified: { email: 'unverified@school.example', email_verified: false },
};

function key() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: `of-process-${process.pid}` };
}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'classpulse', client_secret: 'a secret of the tests', redirect_uris: [redirect] }],
  cookies: { keys: ['of the tests'] },
  jwks: { keys: [key()] },
  pkce: { required: () => true },
  claims: { email: ['email', 'email_verified'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) }),
  async loadExistingGrant(ctx) {
    const { client, session } = ctx.oidc;
    const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid email');
    await grant.save();
    return grant;
  },
});

if (forged) {
  const { kty, n, e, use, alg, kid } = key();
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.path === '/jwks') ctx.body = { keys: [{ kty, n, e, use, alg, kid }] };
  });
}

provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
