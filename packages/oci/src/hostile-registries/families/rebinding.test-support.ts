import { PRIVATE, REGISTRY, SPECIAL, STRANGER } from '../addresses.test-support.ts';
import { ADDRESS, at, luring, lying, refused } from '../cases.test-support.ts';
import { always, basic, bearer, exceptFor, honest, to } from '../honest.test-support.ts';
import type { Family, Handler } from '../hostile-registry.test-support.ts';

const names = (
  host: string,
  ...answers: readonly (readonly string[] | Error | 'never')[]
): { names: Record<string, typeof answers> } => ({ names: { [host]: answers } });
/** Answers and hangs up, so that the next request looks the name up again. */
const closing =
  (handler: Handler): Handler =>
  (request, response) => {
    response.setHeader('connection', 'close');
    handler(request, response);
  };
const realm = (host: string): Handler => bearer(`http://${host}/token`);
const fault = (code: string): Error => Object.assign(new Error(code), { code });

export const rebinding: Family = {
  title: 'Names that lead elsewhere (DNS rebinding)',
  what: 'Each address is looked at between look-up and connect, at every connect, and the one looked at is the one used. Of several addresses all must do.',
  registries: [
    ...SPECIAL.map((address) => lying(`a registry at ${address}`, ADDRESS, honest, names('registry.test', [address]))),
    ...['127.0.0.1', '0.0.0.0', '::ffff:169.254.169.254', 'fe80::1', '::']
      .filter((address) => address !== '127.0.0.1')
      .map((address) =>
        lying(`a registry at ${address}, as its name says`, ADDRESS, honest, names('registry.test', [address])),
      ),
    ...SPECIAL.map((address) =>
      lying(
        `a registry at its address and at ${address}`,
        ADDRESS,
        honest,
        names('registry.test', [REGISTRY, address]),
      ),
    ),
    ...SPECIAL.slice(0, 2).map((address) =>
      lying(
        `a registry at ${address} and at its address`,
        ADDRESS,
        honest,
        names('registry.test', [address, REGISTRY]),
      ),
    ),
    ...SPECIAL.map((address) =>
      lying(
        `a registry at its address first, and then at ${address}`,
        ADDRESS,
        closing(honest),
        names('registry.test', [REGISTRY], [address]),
      ),
    ),
    lying('a registry that changes between manifest and layer', ADDRESS, closing(honest), {
      ...names('registry.test', [REGISTRY], [REGISTRY], ['169.254.169.254']),
      action: 'blob',
    }),
    lying(
      'a registry that changes before it is asked again',
      ADDRESS,
      closing(always(503)),
      names('registry.test', [REGISTRY], ['169.254.169.254']),
    ),
    ...SPECIAL.map((address) =>
      lying(`a token server at ${address}`, ADDRESS, realm('tokens.test'), {
        ...names('tokens.test', [address]),
        anonymous: true,
      }),
    ),
    ...PRIVATE.map((address) =>
      lying(`a token server at ${address}, inside`, ADDRESS, realm('tokens.test'), {
        ...names('tokens.test', [address]),
        anonymous: true,
      }),
    ),
    lying(
      'a token server of its own site at a special address',
      ADDRESS,
      realm('tokens.registry.test'),
      names('tokens.registry.test', ['169.254.169.254']),
    ),
    lying(
      'a token server of its own site on this machine',
      ADDRESS,
      realm('tokens.registry.test'),
      names('tokens.registry.test', ['127.0.0.1']),
    ),
    lying(
      'a token server of its own site at a public address and a special one',
      ADDRESS,
      realm('tokens.registry.test'),
      names('tokens.registry.test', [STRANGER, 'fd00:ec2::254']),
    ),
    luring(
      'a token server that is public first and special when it is asked again',
      ADDRESS,
      closing(always(503)),
      (stranger) => realm(`tokens.registry.test:${stranger.port}`),
      names('tokens.registry.test', [STRANGER], ['169.254.169.254']),
      { stranger: { trusted: true } },
    ),
    ...SPECIAL.map((address) =>
      lying(
        `a redirect to a name at ${address}`,
        ADDRESS,
        basic(to(307, 'http://cdn.test/x')),
        names('cdn.test', [address]),
      ),
    ),
    ...PRIVATE.map((address) =>
      lying(
        `a redirect to a name at ${address}, inside`,
        ADDRESS,
        basic(to(307, 'http://cdn.test/x')),
        names('cdn.test', [address]),
      ),
    ),
    lying(
      'a redirect to a name on this machine',
      ADDRESS,
      basic(to(307, 'http://cdn.test/x')),
      names('cdn.test', ['127.0.0.1']),
    ),
    lying(
      'a redirect to a name at a public address and one on this machine',
      ADDRESS,
      basic(to(307, 'http://cdn.test/x')),
      names('cdn.test', [STRANGER, '::1']),
    ),
    luring(
      'a redirect to a name that is public first and special for the next',
      ADDRESS,
      closing(exceptFor('/never/', honest)),
      (stranger) =>
        basic((_request, response) => to(307, `http://cdn.test:${stranger.port}${_request.url}`)(_request, response)),
      names('cdn.test', [STRANGER], ['169.254.169.254']),
    ),
    lying(
      'a redirect to a name that holds an IPv4 address in IPv6',
      ADDRESS,
      basic(to(307, 'http://cdn.test/x')),
      names('cdn.test', ['64:ff9b::a9fe:a9fe']),
    ),
    lying(
      'a redirect to a name that is an address to look at',
      ADDRESS,
      basic(to(307, 'http://169.254.169.254.nip.test/x')),
      names('169.254.169.254.nip.test', ['169.254.169.254']),
    ),
    {
      name: 'a registry whose name is a metadata address',
      expect: ADDRESS,
      play: async (world) => ({
        registry: at(await world.serve(honest), '169.254.169.254'),
        options: { plainHttp: ['169.254.169.254'] },
      }),
    },
    lying('an address that no route leads to, over https', refused('REGISTRY_UNREACHABLE'), honest, {
      ...names('registry.test', ['198.51.100.9']),
      options: { plainHttp: [] },
    }),
    lying(
      'an address that no route leads to',
      refused('REGISTRY_UNREACHABLE'),
      honest,
      names('registry.test', ['198.51.100.9']),
    ),
    lying('a name without an address', ADDRESS, honest, names('registry.test', [])),
    lying('a name that leads to no address', ADDRESS, basic(to(307, 'http://cdn.test/x')), names('cdn.test', [])),
    lying(
      'a name that there is not',
      refused('REGISTRY_UNREACHABLE'),
      honest,
      names('registry.test', fault('ENOTFOUND')),
    ),
    lying(
      'a name that cannot be looked up now',
      refused('REGISTRY_UNREACHABLE'),
      honest,
      names('registry.test', fault('EAI_AGAIN')),
    ),
    lying('a name whose look-up never ends', refused('REGISTRY_TIMEOUT'), honest, names('registry.test', 'never')),
    lying(
      'a token server whose look-up never ends',
      refused('REGISTRY_TIMEOUT'),
      realm('tokens.registry.test'),
      names('tokens.registry.test', 'never'),
    ),
    lying(
      'a redirect to a name that there is not',
      refused('REGISTRY_UNREACHABLE'),
      basic(to(307, 'http://cdn.test/x')),
      {},
    ),
    lying('a registry of a plain network that leaves it', ADDRESS, honest, {
      ...names('registry.test', [REGISTRY], ['198.51.100.9']),
      options: { plainHttp: [`${REGISTRY}/32`] },
    }),
  ],
};
