import type { RouterRegister } from '@slipway/contracts';
import type { Logger } from '@slipway/service-kit';
import { type Registration, readRegistration } from '../domain/routes/registration.ts';
import type { RouteChange, RouteTable } from '../domain/routes/route-table.ts';

export interface RegistrationEvents {
  /** Endpoints came that were not known. */
  readonly onNew: () => void;
  readonly onMessage: (kind: 'register' | 'unregister' | 'invalid', component: string) => void;
}

/** Applies route messages to the table, and logs what changed. */
export class Registrations {
  readonly #table: RouteTable;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #events: RegistrationEvents;

  constructor(table: RouteTable, logger: Logger, now: () => number, events: RegistrationEvents) {
    this.#table = table;
    this.#logger = logger;
    this.#now = now;
    this.#events = events;
  }

  register(message: RouterRegister): void {
    const registration = this.#read('router.register', message);
    if (registration === undefined) return;
    this.#events.onMessage('register', message.tags?.component ?? '');
    const changes = this.#table.register(registration, this.#now());
    this.logChanges(changes);
    if (changes.some(({ kind }) => kind === 'registered')) this.#events.onNew();
  }

  unregister(message: RouterRegister): void {
    const registration = this.#read('router.unregister', message);
    if (registration === undefined) return;
    this.#events.onMessage('unregister', message.tags?.component ?? '');
    this.logChanges(this.#table.unregister(registration, this.#now()));
  }

  /** A message that does not parse, or whose fields have wrong types, is dropped whole, as Gorouter does. */
  invalid(subject: string, problem: string): void {
    this.#events.onMessage('invalid', '');
    this.#logger.warn({ subject, problem }, 'route-message.invalid');
  }

  logChanges(changes: readonly RouteChange[]): void {
    for (const { kind, uri, spec } of changes) {
      const { address, appId, instanceId } = spec;
      this.#logger.info({ uri, address, appId, instanceGuid: instanceId }, `endpoint.${kind}`);
    }
  }

  #read(subject: string, message: RouterRegister): Registration | undefined {
    const registration = readRegistration(message);
    if (typeof registration === 'string') {
      this.invalid(subject, registration);
      return undefined;
    }
    for (const remark of registration.remarks) this.#logger.warn({ subject, remark }, 'route-message.remark');
    return registration;
  }
}
