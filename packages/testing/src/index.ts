export { type NatsHandle, type NatsOptions, startNats } from './nats.ts';
