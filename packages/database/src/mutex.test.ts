import { expect, test } from 'vitest';
import { Mutex } from './mutex.ts';

test('users are served in the order in which they came', async () => {
  const mutex = new Mutex();
  await mutex.acquire();
  const served: number[] = [];
  const users = [1, 2, 3].map(async (user) => {
    await mutex.acquire();
    served.push(user);
    mutex.release();
  });
  mutex.release();
  await Promise.all(users);
  expect(served).toEqual([1, 2, 3]);
});

test('who waits for too long is told so, and the next one is served', async () => {
  const mutex = new Mutex();
  await mutex.acquire();
  const impatient = mutex.acquire(1);
  const patient = mutex.acquire();
  await expect(impatient).rejects.toThrow('the database connection was not free within 1 ms');
  mutex.release();
  await patient;
  mutex.release();
  await mutex.acquire();
});

test('closing waits for its turn, and refuses all who come after it', async () => {
  const mutex = new Mutex();
  await mutex.acquire();
  const before = mutex.acquire();
  const closed = mutex.close();
  const after = mutex.acquire();
  const refused = expect(after).rejects.toThrow('the database is closed');
  mutex.release();
  await before;
  mutex.release();
  await closed;
  await refused;
  await expect(mutex.acquire()).rejects.toThrow('the database is closed');
});
