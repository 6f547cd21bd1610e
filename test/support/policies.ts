/** Policies that differ from the defaults in what is given, for every subject alike. */
import { type Policies, type PolicyInForce, type Section, sections, type UserPolicies } from '#settings/module.ts';

export function policiesWith(changes: { [S in Section]?: Record<string, unknown> } = {}): Policies & UserPolicies {
  const parsed = Object.fromEntries(
    Object.entries(sections).map(([section, schema]) => [section, schema.parse(changes[section as Section] ?? {})]),
  ) as unknown as PolicyInForce;
  return { for: () => parsed, ofUser: async () => parsed, ofUserIn: async () => parsed };
}
