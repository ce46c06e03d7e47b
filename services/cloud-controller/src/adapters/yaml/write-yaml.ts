import { stringify } from 'yaml';

/**
 * As YAML that readers of YAML 1.1, as the cf CLI is one, and of 1.2 take for the same: texts are quoted, whatever they
 * look like, and so are keys that 1.1 would take for something else.
 */
export function writeYaml(value: unknown): string {
  return stringify(value, {
    version: '1.1',
    defaultStringType: 'QUOTE_DOUBLE',
    defaultKeyType: 'PLAIN',
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
}
