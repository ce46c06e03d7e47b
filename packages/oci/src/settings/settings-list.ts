import { OciError } from '../errors.ts';
import { HOST_RULE_FORM, type HostRules, hostRules } from './host-rules.ts';

/** The rules of a list that is given outside of the settings file. @throws OciError REGISTRY_SETTINGS_INVALID */
export function parseHostRules(entries: readonly string[], what: string): HostRules {
  const { rules, wrong } = hostRules(entries);
  const [first] = wrong;
  if (first) {
    const found = `${what}: found ${JSON.stringify(entries[first.index])}, ${first.found}`;
    throw new OciError('REGISTRY_SETTINGS_INVALID', `${found}: expected ${HOST_RULE_FORM}`);
  }
  return rules;
}
