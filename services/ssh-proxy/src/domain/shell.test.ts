import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addVariable, shellArguments, terminalSize } from './shell.ts';

test('a command is one argument, whatever it holds, and no part of what finds the shell', () => {
  fc.assert(
    fc.property(fc.string(), (command) => {
      const argv = shellArguments(command);
      expect(argv.slice(-2)).toEqual(['-c', command]);
      expect(argv.slice(0, -2)).toEqual(shellArguments(undefined));
    }),
  );
});

test('variables have names, no NUL, and there are not too many', () => {
  const variables = new Map<string, string>();
  expect(addVariable(variables, 'LANG', 'C')).toBe(true);
  for (const name of ['', '1A', 'A=B', 'A B', 'Ä']) expect(addVariable(variables, name, 'x')).toBe(false);
  expect(addVariable(variables, 'A', 'x\0y')).toBe(false);
  for (let i = 0; i < 200; i += 1) addVariable(variables, `V${i}`, 'x');
  expect(variables.size).toBe(100);
  expect(addVariable(variables, 'LANG', 'de')).toBe(true);
});

test('a terminal has a size, whatever the client says', () => {
  fc.assert(
    fc.property(fc.double(), fc.double(), (columns, rows) => {
      const size = terminalSize(columns, rows);
      for (const each of Object.values(size)) expect(Number.isInteger(each) && each >= 1 && each <= 4_096).toBe(true);
    }),
  );
  expect(terminalSize(0, 0)).toEqual({ columns: 80, rows: 24 });
  expect(terminalSize(132, 43)).toEqual({ columns: 132, rows: 43 });
});
