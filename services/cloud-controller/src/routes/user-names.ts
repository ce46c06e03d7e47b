import { ApiError } from '../errors.ts';
import type { ApiContext } from './api-context.ts';

/**
 * What uaa calls a user, for what is noted of it. Taking something from a user must not wait for uaa: while that is
 * away, and for users that are gone there, the guid stands for the name.
 */
export async function nameOfUser({ users }: Pick<ApiContext, 'users'>, guid: string): Promise<string> {
  try {
    const [known] = await users.byGuids([guid]);
    return known?.userName ?? guid;
  } catch (error) {
    if (error instanceof ApiError && error.body.title === 'CF-UaaUnavailable') return guid;
    throw error;
  }
}
