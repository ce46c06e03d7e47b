export { CfApiError, CfClient, type CfClientOptions, type HttpAnswer, type InstanceStats } from './cf-client.ts';
export { type NatsHandle, type NatsOptions, startNats } from './nats.ts';
