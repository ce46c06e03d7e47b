import type { Backend } from '../../domain/routes/backend.ts';
import type { Dial } from './dial.ts';
import { UpstreamConnection } from './upstream-connection.ts';

export interface UpstreamPoolOptions {
  readonly dial: Dial;
  readonly maxIdlePerBackend: number;
  readonly idleTimeoutMs: number;
  /** Monotonic ms. */
  readonly now: () => number;
}

/**
 * Requests that may not be sent twice use only connections that were in use a moment ago: a backend closes those that were
 * idle for long, and it may do so while the request is under way, which then cannot be told from a crash in its midst.
 */
const UNREPEATABLE_MAX_IDLE_MS = 1_000;
/** And not at once: the end of the connection may be right behind the response, still unread. */
const UNREPEATABLE_MIN_IDLE_MS = 1;
/** The backend's own idle timeout counts from earlier than ours, and the request needs time to reach it. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

/** Idle connections, by backend; the one used last is used first, so that surplus ones get old and close. */
export class UpstreamPool {
  readonly #options: UpstreamPoolOptions;
  readonly #idle = new Map<Backend, UpstreamConnection[]>();
  readonly #gone = new WeakSet<Backend>();
  #closed = false;
  dialed = 0;
  reused = 0;

  constructor(options: UpstreamPoolOptions) {
    this.#options = options;
  }

  get idleCount(): number {
    let count = 0;
    for (const connections of this.#idle.values()) count += connections.length;
    return count;
  }

  /** An idle connection, or undefined when none will do. */
  takeIdle(backend: Backend, replayable: boolean): UpstreamConnection | undefined {
    const connections = this.#idle.get(backend);
    if (connections === undefined) return undefined;
    const now = this.#options.now();
    for (let index = connections.length - 1; index >= 0; index--) {
      const connection = connections[index] as UpstreamConnection;
      const idleMs = now - connection.idleSince;
      if (!replayable && idleMs < UNREPEATABLE_MIN_IDLE_MS) continue;
      // Those further down have been idle for longer still.
      if (!replayable && idleMs > UNREPEATABLE_MAX_IDLE_MS) return undefined;
      connections.splice(index, 1);
      if (now < connection.idleUntil && !connection.socket.destroyed) {
        this.reused++;
        return connection;
      }
      connection.discard();
    }
    return undefined;
  }

  /** A new connection, not established yet. */
  dial(backend: Backend): UpstreamConnection {
    this.dialed++;
    return new UpstreamConnection(backend, this.#options.dial(backend), this.#onUnused);
  }

  /**
   * Takes back a connection whose exchange ended cleanly on both sides.
   *
   * @param keepAliveSeconds for how long the backend said it keeps it; -1: it did not say
   */
  giveBack(connection: UpstreamConnection, keepAliveSeconds: number): void {
    const { backend, socket } = connection;
    const { maxIdlePerBackend, idleTimeoutMs, now } = this.#options;
    connection.user = undefined;
    connection.served++;
    // A slow client may have paused it; unread, it could not tell us when the backend closes it.
    if (socket.isPaused()) socket.resume();
    const idle = this.#idle.get(backend) ?? [];
    const ownMs = keepAliveSeconds < 0 ? idleTimeoutMs : keepAliveSeconds * 1000 - KEEP_ALIVE_MARGIN_MS;
    // A backend that has answered before it took the whole request may never take the rest.
    const isDrained = socket.writableLength === 0;
    const isUsable =
      isDrained && !this.#closed && !this.#gone.has(backend) && !socket.destroyed && !socket.readableEnded;
    if (!isUsable || ownMs <= 0 || idle.length >= maxIdlePerBackend) {
      connection.discard();
      return;
    }
    connection.idleSince = now();
    connection.idleUntil = connection.idleSince + Math.min(ownMs, idleTimeoutMs);
    idle.push(connection);
    this.#idle.set(backend, idle);
  }

  /** No route leads to it any more: its idle connections close now, the busy ones when they are given back. */
  forget(backend: Backend): void {
    this.#gone.add(backend);
    for (const connection of this.#idle.get(backend) ?? []) connection.discard();
    this.#idle.delete(backend);
  }

  /** Closes what has been idle for too long. */
  sweep(): void {
    const now = this.#options.now();
    for (const [backend, connections] of this.#idle) {
      const kept = connections.filter((connection) => {
        const keep = now < connection.idleUntil;
        if (!keep) connection.discard();
        return keep;
      });
      if (kept.length === 0) this.#idle.delete(backend);
      else if (kept.length < connections.length) this.#idle.set(backend, kept);
    }
  }

  close(): void {
    this.#closed = true;
    for (const backend of [...this.#idle.keys()]) this.forget(backend);
  }

  /** A backend that closes an idle connection, or sends what nobody asked for. */
  readonly #onUnused = (connection: UpstreamConnection): void => {
    const connections = this.#idle.get(connection.backend);
    const index = connections?.indexOf(connection) ?? -1;
    if (index >= 0) connections?.splice(index, 1);
    if (connections?.length === 0) this.#idle.delete(connection.backend);
    connection.discard();
  };
}
