import { z } from 'zod';
import type { PolicyInForce } from '#settings/module.ts';
import { form } from '#kernel/http/form.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { languages } from '#kernel/i18n.ts';
import {
  type AskedClaim,
  claimField,
  fieldShape,
  type PersonField,
  propertyField,
  usernameField,
} from '#directory/users/module.ts';
import type { ProfilePage } from './profile-view.ts';

/** The page that the forms of the profile and of the picture are on. */
export const profilePage = formPage<{
  values: Readonly<Record<string, string | undefined>>;
  errors: Readonly<Record<string, string | undefined>>;
  pictureProblem: ProfilePage['pictureProblem'];
}>();

/** The claims of OpenID Connect that a form asks for, in the order in which it does. */
const claims: readonly AskedClaim[] = ['name', 'given_name', 'family_name', 'nickname', 'birthdate', 'website'];

type OwnPolicy = Pick<PolicyInForce, 'users' | 'profile'>;

/** Everything that users may write about themselves on the page. */
export function ownFields({ users, profile: { fields, required, properties } }: OwnPolicy): readonly PersonField[] {
  const username = users.username === 'off' ? [] : [usernameField];
  return [
    ...username,
    ...claims.filter((claim) => fields.includes(claim) || required.includes(claim)).map(claimField),
    ...properties.filter(({ editable }) => editable === 'user').map(propertyField),
  ];
}

/** Whether the policy or the schema of properties requires a value for this field. */
export function isRequired(field: PersonField, { users, profile: { required } }: OwnPolicy): boolean {
  if (field.kind === 'username') return users.username === 'required';
  return field.kind === 'claim' ? required.includes(field.claim) : field.property.required;
}

/** Empty fields are null; fields that were not in the form are missing. */
export function profileForm(policy: OwnPolicy) {
  const fields = ownFields(policy);
  const shape = fieldShape(fields);
  const answers = fields.map((field) => {
    const schema = shape[field.field]!;
    const isBox = field.kind === 'property' && field.property.type === 'boolean';
    return [field.field, isBox || isRequired(field, policy) ? schema : orNothing(schema)] as const;
  });
  return form(
    z.object({
      ...Object.fromEntries(answers),
      language: z.enum(['', ...Object.keys(languages)]).default(''),
      theme: z.enum(['', 'light', 'dark']).default(''),
    }),
  );
}

function orNothing(schema: z.ZodType): z.ZodType {
  return z
    .string()
    .optional()
    .transform((typed, context) => {
      if (typed === undefined) return undefined;
      if (typed.trim() === '') return null;
      const parsed = schema.safeParse(typed);
      if (parsed.success) return parsed.data ?? null;
      for (const { message } of parsed.error.issues) context.addIssue({ code: 'custom', message });
      return z.NEVER;
    });
}
