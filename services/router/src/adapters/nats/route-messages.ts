import type { Bus } from '@slipway/bus';
import {
  type RouterRegister,
  type RouterStart,
  routerRegisterSchema,
  routerStartSchema,
  routerSubjects,
} from '@slipway/contracts';

export interface RouteMessageHandlers {
  readonly onRegister: (message: RouterRegister) => void;
  readonly onUnregister: (message: RouterRegister) => void;
  /** A message that is not of the form; it is dropped as a whole. */
  readonly onInvalid: (subject: string, problem: string) => void;
}

export interface RouteMessages {
  /** Asks everybody to register. */
  announce(): void;
  stop(): void;
}

/** Follows Gorouter's subjects, in the order in which messages come, and answers those who ask for the router's wishes. */
export function followRouteMessages(bus: Bus, start: RouterStart, handlers: RouteMessageHandlers): RouteMessages {
  const greeting = JSON.stringify(routerStartSchema.parse(start));
  const follow = (subject: string, handle: (message: RouterRegister) => void) =>
    bus.nc.subscribe(subject, {
      callback: (error, message) => {
        if (error !== null) {
          handlers.onInvalid(subject, error.message);
          return;
        }
        const parsed = parse(message.data);
        if (typeof parsed === 'string') handlers.onInvalid(subject, parsed);
        else handle(parsed);
      },
    });
  const subscriptions = [
    follow(routerSubjects.register, handlers.onRegister),
    follow(routerSubjects.unregister, handlers.onUnregister),
    bus.nc.subscribe(routerSubjects.greet, {
      callback: (error, message) => {
        if (error === null) message.respond(greeting);
        else handlers.onInvalid(routerSubjects.greet, error.message);
      },
    }),
  ];
  return {
    announce: () => bus.nc.publish(routerSubjects.start, greeting),
    stop: () => {
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}

/** The message, or what is wrong with it. */
function parse(data: Uint8Array): RouterRegister | string {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(data).toString('utf8'));
  } catch (error) {
    return `not JSON: ${(error as Error).message}`;
  }
  const result = routerRegisterSchema.safeParse(value);
  if (result.success) return result.data;
  return result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}
