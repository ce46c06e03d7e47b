import { readFileSync } from 'node:fs';
import { APPARMOR_PROFILE, appArmorProfile } from '../bundle/apparmor-profile.ts';
import { asGardenError, type GardenError } from '../errors.ts';
import { errnoCode } from '../sys/sys-error.ts';
import type { CommandRunner } from './command.ts';

const ENABLED = '/sys/module/apparmor/parameters/enabled';

/** Whether the kernel has AppArmor and it is on. */
export function hasAppArmor(): boolean {
  try {
    return readFileSync(ENABLED, 'latin1').trim() === 'Y';
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Loads the profile of containers, anew if it is there. Its name; undefined where there is no AppArmor. Where there is and
 * it cannot be used (its parser is not installed, or this is itself a container), containers do without, and that is told.
 */
export async function loadAppArmorProfile(
  run: CommandRunner,
  onProblem: (error: GardenError) => void,
): Promise<string | undefined> {
  if (!hasAppArmor()) return undefined;
  try {
    await run('apparmor_parser', ['--replace', '--skip-cache'], { input: appArmorProfile(), phase: 'open' });
    return APPARMOR_PROFILE;
  } catch (error) {
    const what = 'The kernel has AppArmor, but its profile for containers could not be loaded';
    onProblem(asGardenError(error, 'CELL_STATE_FAILED', 'open', what));
    return undefined;
  }
}
