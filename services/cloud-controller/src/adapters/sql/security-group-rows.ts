import type { EgressRule } from '@slipway/contracts';
import { egressOf, type SecurityGroupRule } from '../../domain/security-groups/egress-of.ts';
import type { Sql } from './schema.ts';

export const lifecycles = ['running', 'staging'] as const;
export type Lifecycle = (typeof lifecycles)[number];

/** What the instances and tasks of spaces may reach: the groups that hold for all, and those that are bound. */
export class SpaceEgress {
  readonly #everywhere: readonly string[];
  readonly #bound: ReadonlyMap<string, readonly string[]>;
  readonly #known = new Map<string, EgressRule[]>();

  private constructor(everywhere: readonly string[], bound: ReadonlyMap<string, readonly string[]>) {
    this.#everywhere = everywhere;
    this.#bound = bound;
  }

  /** Of one space, or of all. */
  static async load(sql: Sql, place?: { readonly spaceGuid: string }): Promise<SpaceEgress> {
    const everywhere = await sql
      .selectFrom('security_groups')
      .select('rules')
      .where('globally_running', '=', 1)
      .orderBy('id')
      .execute();
    const bound = await sql
      .selectFrom('security_group_spaces')
      .innerJoin('security_groups', 'security_groups.guid', 'security_group_spaces.security_group_guid')
      .select(['security_group_spaces.space_guid', 'security_groups.rules'])
      .where('security_group_spaces.lifecycle', '=', 'running')
      .where('security_groups.globally_running', '=', 0)
      .$if(place !== undefined, (query) => query.where('security_group_spaces.space_guid', '=', place?.spaceGuid ?? ''))
      .orderBy('security_groups.id')
      .execute();
    const bySpace = new Map<string, string[]>();
    for (const { space_guid: guid, rules } of bound) bySpace.set(guid, [...(bySpace.get(guid) ?? []), rules]);
    return new SpaceEgress(
      everywhere.map(({ rules }) => rules),
      bySpace,
    );
  }

  /** Empty where no group holds: nothing is reached then, as on Cloud Foundry. */
  of(spaceGuid: string): EgressRule[] {
    const key = this.#bound.has(spaceGuid) ? spaceGuid : '';
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const rules = [...this.#everywhere, ...(this.#bound.get(spaceGuid) ?? [])];
    const egress = egressOf(rules.flatMap((each) => JSON.parse(each) as SecurityGroupRule[]));
    this.#known.set(key, egress);
    return egress;
  }
}
