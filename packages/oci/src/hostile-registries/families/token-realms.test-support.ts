import { INSIDE, REGISTRY, SPELLINGS, STRANGER, TOKENS } from '../addresses.test-support.ts';
import { ADDRESS, luring, lying, PULLED, REALM, refused } from '../cases.test-support.ts';
import { always, bearer, honest, tokens } from '../honest.test-support.ts';
import type { Family } from '../hostile-registry.test-support.ts';

/** Where a registry may say that its token server is, to have the password sent there. */
const REALMS: Readonly<Record<string, string>> = {
  'another name': 'http://stranger.test/token',
  'a name that begins as its own': 'http://registry.test.stranger.test/token',
  'a name that ends as its own': 'http://evilregistry.test/token',
  'its own name as user': 'http://registry.test@stranger.test/token',
  'its own name as user and password': 'http://registry.test:80@stranger.test/token',
  'its own name behind a backslash': 'http://stranger.test\\@registry.test/token',
  'its own name in the fragment': 'http://stranger.test/#registry.test',
  'its own name in the path': 'http://stranger.test/registry.test/token',
  'an address': `http://${STRANGER}/token`,
  'a name of one part': 'http://test/token',
  'a name with a dot at its end': 'http://stranger.test./token',
  'a name in other letters': 'http://STRANGER.test/token',
  'a name in Unicode': 'http://regi\xd1\x95try.test/token',
  'a name in punycode': 'http://xn--regitry-8vf.test/token',
  'user and password': 'http://bob:builder@registry.test/token',
  'no URL': 'not a url',
  'a path': '/token',
  'a host without a scheme': '//stranger.test/token',
  nothing: '',
  'a file': 'file:///etc/passwd',
  'a script': 'javascript:alert(1)',
  data: 'data:application/json,{"token":"x"}',
  ftp: 'ftp://stranger.test/token',
  gopher: 'gopher://stranger.test/1token',
  'a web socket': 'ws://registry.test/token',
  'a socket of this machine': 'unix:/run/docker.sock',
  'a blob': 'blob:http://registry.test/x',
  'a port that is none': 'http://registry.test:99999/token',
  'an address that is none': 'http://999.999.999.999/token',
  'a name with a blank': 'http://registry.test stranger.test/token',
};

export const tokenRealms: Family = {
  title: 'Token servers that are elsewhere',
  what: "The password goes to the registry's own site, over https unless the registry itself is plain http, and to no URL with user info. Nobody is asked at an address that is special, or nearer to this machine than the registry.",
  registries: [
    ...Object.entries(REALMS).map(([what, realm]) => lying(`${what}`, REALM, bearer(realm))),
    luring('another name, where someone waits', REALM, tokens, (stranger) =>
      bearer(`http://stranger.test:${stranger.port}/token`),
    ),
    luring('an address, where someone waits', REALM, tokens, (stranger) => bearer(stranger.origin)),
    luring(
      'plain http, of a registry of https',
      REALM,
      tokens,
      (stranger) => bearer(`http://registry.test:${stranger.port}/`),
      { options: { plainHttp: [] } },
      {
        registry: { tls: 'good' },
        stranger: { at: REGISTRY },
      },
    ),
    luring(
      'https elsewhere, of a registry of https',
      REALM,
      tokens,
      (stranger) => bearer(`https://stranger.test:${stranger.port}/`),
      { options: { plainHttp: [] } },
      {
        registry: { tls: 'good' },
        stranger: { tls: 'good' },
      },
    ),
    luring(
      'another name, which the operator trusts',
      PULLED,
      tokens,
      (stranger) => bearer(`http://stranger.test:${stranger.port}/token`),
      {
        options: { trustedTokenHosts: ['stranger.test'] },
      },
      { stranger: { trusted: true } },
    ),
    luring(
      'a name beside its own',
      PULLED,
      tokens,
      (stranger) => bearer(`http://tokens.registry.test:${stranger.port}/token`),
      {
        names: { 'tokens.registry.test': [[TOKENS]] },
      },
      { stranger: { at: TOKENS, trusted: true } },
    ),
    luring(
      'another name, without a password to lose',
      PULLED,
      tokens,
      (stranger) => bearer(`http://stranger.test:${stranger.port}/token`),
      { anonymous: true },
    ),
    luring(
      'one that redirects elsewhere',
      refused('TOKEN_INVALID'),
      tokens,
      (stranger) => (request, response) =>
        (request.url?.startsWith('/token')
          ? always(307, { location: `${stranger.origin}/token` })
          : bearer(`http://${request.headers.host}/token`))(request, response),
    ),
    luring(
      'one that refreshes elsewhere',
      refused('TOKEN_INVALID'),
      tokens,
      (stranger) => (request, response) =>
        (request.url?.startsWith('/token')
          ? always(
              200,
              { refresh: `0;url=${stranger.origin}`, location: stranger.origin },
              '<meta http-equiv="refresh">',
            )
          : bearer(`http://${request.headers.host}/token`))(request, response),
    ),
    luring(
      'one whose 401 names another',
      refused('REGISTRY_UNAUTHORIZED'),
      tokens,
      (stranger) => (request, response) =>
        (request.url?.startsWith('/token')
          ? always(401, { 'www-authenticate': `Bearer realm="${stranger.origin}/"` })
          : bearer(`http://${request.headers.host}/token`))(request, response),
    ),
    luring(
      'a second realm in one challenge',
      PULLED,
      tokens,
      (stranger) => (request, response) =>
        (request.url?.startsWith('/token')
          ? tokens
          : bearer(`http://${request.headers.host}/token`, honest, `,realm="${stranger.origin}"`))(request, response),
    ),
    ...SPELLINGS.map((host) =>
      lying(`http://${host}/`, ADDRESS, bearer(`http://${host}/latest/meta-data/`), { anonymous: true }),
    ),
    ...SPELLINGS.slice(0, 1).map((host) =>
      lying(`https://${host}/`, ADDRESS, bearer(`https://${host}/`), { anonymous: true }),
    ),
    ...INSIDE.map((host) => lying(`http://${host}/, inside`, ADDRESS, bearer(`http://${host}/`), { anonymous: true })),
  ],
};
