export type { RunPhase } from './demo/phases.ts';
export { type PushedApp, type PushRequest, pushApp } from './demo/push-app.ts';
export { type DockerEngine, startDockerEngine } from './docker/docker-engine.ts';
export { type LaunchedPlatform, type LaunchOptions, launchPlatform } from './launch/launch-platform.ts';
export { askPlatform, type PlatformStatus } from './platform/instance-lock.ts';
export { type CommandOptions, type CommandResult, runCommand, runToEnd } from './process/run-command.ts';
