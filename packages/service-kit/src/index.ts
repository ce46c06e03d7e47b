export { ConfigError, commonSettings, loadConfig, settings } from './config.ts';
export { CodedError, describeError, type ErrorKind } from './errors.ts';
export { type HealthAnswer, type HealthChecks, type HealthServer, startHealthServer } from './health-server.ts';
export { createLogger, type Logger } from './logger.ts';
export { Counter, createMetrics, Gauge, Histogram, Registry } from './metrics.ts';
export { type App, type RunOptions, runService } from './run-service.ts';
export { generateSealingKeys, isSealingPair, type SealingKeys, seal, unseal } from './sealed-box.ts';
export { Secret, secretSchema } from './secret.ts';
export { childTrace, currentTrace, formatTraceparent, parseTraceparent, type Trace, withTrace } from './trace.ts';
