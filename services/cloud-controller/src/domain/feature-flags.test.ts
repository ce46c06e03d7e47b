import { expect, test } from 'vitest';
import { type FeatureFlagName, featureDisabled, isFeatureFlagName } from './feature-flags.ts';

const flag = (name: FeatureFlagName, enabled: boolean, customErrorMessage: string | null = null) => ({
  name,
  enabled,
  customErrorMessage,
  updatedAt: null,
});

test('a flag that is on lets everyone pass', () => {
  expect(featureDisabled(flag('route_creation', true), false)).toBeUndefined();
});
test('a flag that is off does not bind administrators, but for diego_docker', () => {
  expect(featureDisabled(flag('route_creation', false), true)).toBeUndefined();
  expect(featureDisabled(flag('route_creation', false), false)).toBe('route_creation');
  expect(featureDisabled(flag('diego_docker', false), true)).toBe('diego_docker');
});
test('its own message is told', () => {
  expect(featureDisabled(flag('app_scaling', false, 'ask us'), false)).toBe('ask us');
});
test("names of objects' own are no flags", () => {
  expect(isFeatureFlagName('toString')).toBe(false);
  expect(isFeatureFlagName('diego_docker')).toBe(true);
});
