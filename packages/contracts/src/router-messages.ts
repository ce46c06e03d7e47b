import { z } from 'zod';

/**
 * Gorouter's wire format (gorouter `mbus/subscriber.go`, `common/component.go`): no envelope, core NATS, may be lost.
 * Registrants repeat it every `minimumRegisterIntervalInSeconds`, and at once when `router.start` comes.
 */
export const routerRegisterSchema = z.looseObject({
  host: z.string().min(1),
  port: z.int().min(0).max(65_535).optional(),
  tls_port: z.int().min(0).max(65_535).optional(),
  protocol: z.string().optional(),
  uris: z.array(z.string()),
  tags: z.record(z.string(), z.string()).optional(),
  app: z.string().optional(),
  private_instance_id: z.string().optional(),
  private_instance_index: z.string().optional(),
  isolation_segment: z.string().optional(),
  stale_threshold_in_seconds: z.int().optional(),
  server_cert_domain_san: z.string().optional(),
  route_service_url: z.string().optional(),
  endpoint_updated_at_ns: z.number().optional(),
  availability_zone: z.string().optional(),
  options: z
    .looseObject({
      loadbalancing: z.string().optional(),
      hash_header: z.string().optional(),
      hash_balance: z.number().optional(),
    })
    .optional(),
});
export type RouterRegister = z.infer<typeof routerRegisterSchema>;

/** Payload of `router.start` and of the reply to `router.greet`. */
export const routerStartSchema = z.looseObject({
  id: z.string(),
  hosts: z.array(z.string()),
  minimumRegisterIntervalInSeconds: z.int().positive(),
  pruneThresholdInSeconds: z.int().positive(),
});
export type RouterStart = z.infer<typeof routerStartSchema>;

export const routerSubjects: {
  readonly register: 'router.register';
  readonly unregister: 'router.unregister';
  readonly start: 'router.start';
  readonly greet: 'router.greet';
} = { register: 'router.register', unregister: 'router.unregister', start: 'router.start', greet: 'router.greet' };
