import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test, describe } from 'vitest';
import { useApi } from '../../../testing/api-suite.ts';
import { engines } from '../../../testing/test-database.ts';

describe.each(engines.slice(0, 1))('on $engine', ({ create }) => {
  const suite = useApi(create);
  test('x', async () => {
    const { body, status } = await suite.api.as('').get('/v3/openapi.json');
    expect(status).toBe(200);
    const result = await new Validator().validate(body);
    expect(result.errors).toBeUndefined();
  });
});
