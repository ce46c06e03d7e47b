import { expect, test } from 'vitest';
import { type FieldLine, parseFieldLines } from '../http/field-lines.ts';
import { specOf } from '../routes/test-endpoints.test-support.ts';
import { stickyCookie, stickyInstance } from './sticky-session.ts';

const settings = { cookieNames: new Set(['JSESSIONID']), secureCookies: false };
const spec = specOf(1);

function fields(...lines: string[]): FieldLine[] {
  const parsed = parseFieldLines(lines.map((line) => `${line}\r\n`).join(''), 0, 20);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

test.each([
  ['a request without cookies', [], ''],
  ['both cookies', ['Cookie: JSESSIONID=s; __VCAP_ID__=i'], 'i'],
  ['both cookies in two fields, the other way round', ['Cookie: __VCAP_ID__=i', 'Cookie: JSESSIONID=s'], 'i'],
  ['a quoted value', ['Cookie: JSESSIONID=s; __VCAP_ID__="i"'], 'i'],
  ['only the instance', ['Cookie: __VCAP_ID__=i'], ''],
  ['only the session', ['Cookie: JSESSIONID=s'], ''],
  ['another session cookie', ['Cookie: PHPSESSID=s; __VCAP_ID__=i'], ''],
])('%s', (_, lines, expected) => {
  expect(stickyInstance(fields(...lines), settings)).toBe(expected);
});

test.each([
  ['no session', '', [], ''],
  ['a session begins', '', ['Set-Cookie: JSESSIONID=s'], '__VCAP_ID__=instance-1; Path=/p; HttpOnly'],
  [
    'its attributes are shared',
    '',
    ['Set-Cookie: JSESSIONID=s; Secure; SameSite=None; Partitioned; Expires=Wed, 21 Oct 2015 07:28:00 GMT'],
    '__VCAP_ID__=instance-1; Path=/p; Expires=Wed, 21 Oct 2015 07:28:00 GMT; HttpOnly; Secure; SameSite=None; Partitioned',
  ],
  ['its age is not', '', ['Set-Cookie: JSESSIONID=s; Max-Age=100'], '__VCAP_ID__=instance-1; Path=/p; HttpOnly'],
  [
    'but its end is',
    '',
    ['Set-Cookie: JSESSIONID=s; max-age=-1'],
    '__VCAP_ID__=instance-1; Path=/p; Max-Age=-1; HttpOnly',
  ],
  ['the app sets the instance cookie itself', '', ['Set-Cookie: JSESSIONID=s', 'Set-Cookie: __VCAP_ID__=x'], ''],
  ['the wanted instance answered', 'instance-1', [], ''],
  ['another one answered', 'instance-2', [], '__VCAP_ID__=instance-1; Path=/p; HttpOnly'],
])('%s', (_, wanted, lines, expected) => {
  expect(stickyCookie(wanted, fields(...lines), spec, '/p', settings)).toBe(expected);
});

test('an endpoint without an instance id cannot be stuck to', () => {
  expect(stickyCookie('', fields('Set-Cookie: JSESSIONID=s'), specOf(1, { instanceId: '' }), '/', settings)).toBe('');
});

test('a path cannot add attributes', () => {
  const cookie = stickyCookie('', fields('Set-Cookie: JSESSIONID=s'), spec, '/a; Domain=evil.com', settings);
  expect(cookie).toBe('__VCAP_ID__=instance-1; Path=/a; HttpOnly');
});
