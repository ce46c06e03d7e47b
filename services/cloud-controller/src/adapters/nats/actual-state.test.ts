import { randomUUID } from 'node:crypto';
import { type Bus, connectService, emitMessage } from '@slipway/bus';
import { busAccess, type Instance, type InstanceMetrics, instanceMetrics, type ServiceName } from '@slipway/contracts';
import { createLogger, Secret } from '@slipway/service-kit';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { ActualState } from './actual-state.ts';

let nats: NatsHandle;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

async function connectTo(service: ServiceName, cellId?: string): Promise<Bus> {
  const user = cellId === undefined ? service : `${service}-${cellId}`;
  const config = { NATS_URL: nats.url, NATS_USER: user, NATS_PASSWORD: new Secret(nats.password(user)) };
  const logger = createLogger(user, 'silent');
  const bus = await connectService(busAccess(service, cellId), { config, source: user, logger });
  onTestFinished(() => bus.close());
  return bus;
}

test('a cell gives the figures of its own instances only', async () => {
  const state = await ActualState.open(await connectTo('cloud-controller'));
  onTestFinished(() => state.close());
  const of = (cellId: string): Instance => ({
    v: 1,
    instanceGuid: randomUUID(),
    processGuid: `${randomUUID()}-${randomUUID()}`,
    index: 0,
    cellId,
    state: 'RUNNING',
    since: '2026-01-01T00:00:00.000Z',
    routable: true,
  });
  const figures = ({ cellId, instanceGuid, processGuid, index }: Instance): InstanceMetrics => {
    const usage = { cpu: 1, memoryBytes: 1, diskBytes: 1, logBytesPerSecond: 1, ageMs: 1 };
    return { cellId, timestamp: '1', instances: [{ instanceGuid, processGuid, index, ...usage }] };
  };
  const [mine, other] = [of('cell-2'), of('cell-1')];
  const cell = await connectTo('cell-rep', 'cell-2');
  emitMessage(cell, { ...instanceMetrics, subjectFor: () => 'metrics.instances.cell-2' }, figures(other));
  emitMessage(cell, instanceMetrics, figures(mine));
  await vi.waitFor(() => expect(state.usageOf(mine)?.usage.cpu).toBe(1), { timeout: 20_000 });
  expect(state.usageOf(other)).toBeUndefined();
});
