import type { HttpAnswer } from '@slipway/testing';
import { expect, test } from 'vitest';
import type { FlowContext } from './command-runner.ts';
import { RecordedFlowRunner } from './recorded-cli.ts';
import { formatRecording, parseRecording } from './recording.ts';

const guid = '11111111-1111-4111-8111-111111111111';
const other = '22222222-2222-4222-8222-222222222222';
const headers = { accept: 'application/json', authorization: '{bearer}' };
const text = [
  { cli: 'cf version 8.1.2', flow: 'rename', headers },
  { run: ['auth', 'admin', '{$admin}'], as: 'admin' },
  { send: 'POST /uaa/oauth/token', headers: { authorization: null }, body: 'password={$admin}', status: 200 },
  { run: ['rename', '{run}-rename-app', '{run}-new'], as: 'admin' },
  {
    send: 'GET /v3/spaces?names={run}-rename-app',
    status: 200,
    answer: { resources: [{ name: '{run}-rename-app' }] },
    bind: { space1: 'resources[0].guid' },
  },
  { send: 'DELETE /v3/spaces/{space1}', status: 202, bind: { job1: 'location' } },
  { send: 'GET /v3/jobs/{job1}', status: 200, answer: { state: 'COMPLETE' } },
]
  .map((line) => `${JSON.stringify(line)}\n`)
  .join('');

const context: FlowContext = {
  flow: 'rename',
  run: 'r1',
  platform: 'localhost:1',
  registry: '127.0.0.1:2',
  directory: '/nowhere',
  variables: new Map([['admin', 'secret']]),
};

const claims = Buffer.from(JSON.stringify({ exp: Math.floor(Date.now() / 1000) + 600 })).toString('base64url');
const space = { guid, name: 'r1-rename-app', relationships: {}, metadata: {} };

/** A platform that answers as it should, but for what is given; and what it was sent. */
function platform(broken: Readonly<Record<string, readonly Partial<HttpAnswer>[]>> = {}): {
  sent: string[];
  send: ConstructorParameters<typeof RecordedFlowRunner>[2];
} {
  const good: Record<string, HttpAnswer> = {
    'POST /uaa/oauth/token': json({
      access_token: `a.${claims}.c`,
      refresh_token: 'r',
      token_type: 'bearer',
      expires_in: 600,
    }),
    'GET /v3/spaces?names=r1-rename-app': json({ pagination: { next: null }, resources: [space] }),
    [`DELETE /v3/spaces/${guid}`]: {
      status: 202,
      headers: { location: `http://localhost:1/v3/jobs/${other}` },
      body: '',
    },
    [`GET /v3/jobs/${other}`]: json({ guid: other, state: 'COMPLETE' }),
  };
  const sent: string[] = [];
  const counts = new Map<string, number>();
  return {
    sent,
    send: async ({ method, path, headers: sentHeaders, body }) => {
      const what = `${method} ${path}`;
      sent.push(`${what} ${sentHeaders.authorization ?? ''} ${body ?? ''}`.trim());
      const count = counts.get(what) ?? 0;
      counts.set(what, count + 1);
      const answer = good[what];
      if (answer === undefined) throw new Error(`unexpected: ${what}`);
      return { ...answer, ...broken[what]?.[count] };
    },
  };
}

const json = (value: unknown): HttpAnswer => ({ status: 200, headers: {}, body: JSON.stringify(value) });

async function replay(send: ConstructorParameters<typeof RecordedFlowRunner>[2]): Promise<void> {
  const runner = new RecordedFlowRunner(parseRecording(text), context, send);
  await runner.run({ actor: 'admin', args: ['auth', 'admin', 'secret'], expected: {} });
  await runner.run({ actor: 'admin', args: ['rename', 'r1-rename-app', 'r1-new'], expected: {} });
}

test('a recording sends what the CLI sent, with what the platform answered now', async () => {
  const { send, sent } = platform();
  await replay(send);
  expect(sent).toEqual([
    'POST /uaa/oauth/token  password=secret',
    `GET /v3/spaces?names=r1-rename-app bearer a.${claims}.c`,
    `DELETE /v3/spaces/${guid} bearer a.${claims}.c`,
    `GET /v3/jobs/${other} bearer a.${claims}.c`,
  ]);
});

test('a job is asked for until it is complete', async () => {
  const { send, sent } = platform({ [`GET /v3/jobs/${other}`]: [json({ guid: other, state: 'PROCESSING' })] });
  await replay(send);
  expect(sent.filter((what) => what.startsWith(`GET /v3/jobs/${other}`))).toHaveLength(2);
});

test('a list is read page by page', async () => {
  const next = { href: 'http://localhost:1/v3/spaces?names=r1-rename-app' };
  const first = json({ pagination: { next }, resources: [] });
  await replay(platform({ 'GET /v3/spaces?names=r1-rename-app': [first] }).send);
});

const job = `GET /v3/jobs/${other}`;
const list = 'GET /v3/spaces?names=r1-rename-app';
test.each<[string, string, Partial<HttpAnswer>, RegExp]>([
  ['another status', list, { status: 500, body: '{"errors":[]}' }, /answered 500 instead of 200/],
  ['no JSON', list, { body: '<html>' }, /not JSON/],
  ['a list without resources', list, json({ pagination: { next: null } }), /resources/],
  [
    'a field that the CLI reads missing',
    list,
    json({ pagination: { next: null }, resources: [{ ...space, name: undefined }] }),
    /name/,
  ],
  ['an item too many', list, json({ pagination: { next: null }, resources: [space, space] }), /2 items/],
  [
    'a token of the wrong type',
    'POST /uaa/oauth/token',
    json({ access_token: `a.${claims}.c`, token_type: 'Bearer', expires_in: 600 }),
    /bearer/,
  ],
  ['a job that fails', job, json({ guid: other, state: 'FAILED' }), /FAILED/],
  [
    'a location that is no URL',
    `DELETE /v3/spaces/${guid}`,
    { headers: { location: `/v3/jobs/${other}` } },
    /not a whole URL/,
  ],
])('%s is a failure', async (_, what, broken, reason) => {
  await expect(replay(platform({ [what]: [broken] }).send)).rejects.toThrow(reason);
});

test('a command that is not the recorded one is a failure', async () => {
  const runner = new RecordedFlowRunner(parseRecording(text), context, platform().send);
  const command = { actor: 'admin', args: ['auth', 'admin', 'secret', '--origin', 'uaa'], expected: {} };
  await expect(runner.run(command)).rejects.toThrow('record');
});

test('a recording is read as it was written', () => {
  expect(formatRecording(parseRecording(text))).toBe(text);
  expect(() => parseRecording(text.replace('"status":202', '"status":"202"'))).toThrow('line 6');
});
