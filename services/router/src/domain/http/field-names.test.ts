import { expect, test } from 'vitest';
import { Field, fieldIdOf } from './field-names.ts';

const idOf = (name: string): number => fieldIdOf(`x${name}:`, 1, 1 + name.length);

test('every name is found in any letter case, and none twice', () => {
  const kebab = (id: string): string => id.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);
  const spelled: Readonly<Record<string, string>> = {
    http2Settings: 'http2-settings',
    xCfApplicationId: 'x-cf-applicationid',
    xCfInstanceId: 'x-cf-instanceid',
    xCfInstanceIndex: 'x-cf-instanceindex',
  };
  const ids = Object.entries(Field).filter(([name]) => name !== 'other');
  expect(new Set(ids.map(([, id]) => id)).size).toBe(ids.length);
  for (const [name, id] of ids) {
    const text = spelled[name] ?? kebab(name);
    expect([text, idOf(text)]).toEqual([text, id]);
    expect(idOf(text.toUpperCase())).toBe(id);
    expect(idOf(text.replaceAll('-', '_'))).toBe(id);
    expect(idOf(`${text}x`)).toBe(Field.other);
  }
});

test('a name of the same length is another', () => {
  expect(idOf('hoss')).toBe(Field.other);
  expect(idOf('x-cf-instanceix')).toBe(Field.other);
});
