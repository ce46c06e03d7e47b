import { Counter, createMetrics, Gauge, type Registry } from '@slipway/service-kit';

export interface UaaMetrics {
  readonly registry: Registry;
  readonly onIssued: (grantType: string) => void;
  readonly onError: (code: string) => void;
}

export function createUaaMetrics(passwordsWaiting: () => number): UaaMetrics {
  const registry = createMetrics('uaa');
  const issued = new Counter({
    name: 'uaa_tokens_issued_total',
    help: 'Access tokens given.',
    labelNames: ['grant_type'],
    registers: [registry],
  });
  const errors = new Counter({
    name: 'uaa_errors_total',
    help: 'Requests answered with an error.',
    labelNames: ['code'],
    registers: [registry],
  });
  new Gauge({
    name: 'uaa_passwords_waiting',
    help: 'Passwords that wait to be hashed.',
    registers: [registry],
    collect() {
      this.set(passwordsWaiting());
    },
  });
  return {
    registry,
    onIssued: (grantType) => issued.inc({ grant_type: grantType }),
    onError: (code) => errors.inc({ code }),
  };
}
