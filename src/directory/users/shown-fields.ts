import type { Property } from '#settings/module.ts';
import { type AskedClaim, labelIn, type PersonField } from './property-fields.ts';

/** One question about a user as a page shows it (`views/_person.njk`). */
export type ShownField = {
  /** Of the form. */
  name: string;
  type: Property['type'];
  /** A claim has its label in our words; what the operator asks for has it in theirs. */
  claim: AskedClaim | 'username' | null;
  label: string | null;
  isRequired: boolean;
  /** The previously typed value; for a checkbox `1` or empty. */
  value: string;
  maxLength: number | null;
  choices: readonly { value: string; label: string }[];
  error: string | null;
};

type Given = {
  language: string;
  values?: Readonly<Record<string, string | undefined>>;
  errors?: Readonly<Record<string, string | undefined>>;
};

const claimTypes: Readonly<Record<AskedClaim | 'username', Property['type']>> = {
  username: 'text',
  name: 'text',
  given_name: 'text',
  family_name: 'text',
  nickname: 'text',
  birthdate: 'date',
  website: 'url',
};

/** The profile fields of a page with labels, values and errors. */
export function shownFields(
  fields: readonly PersonField[],
  { language, values = {}, errors = {} }: Given,
): readonly ShownField[] {
  return fields.map((field) => ({
    name: field.field,
    value: values[field.field] ?? '',
    error: errors[field.field] ?? null,
    ...(field.kind === 'property'
      ? ofProperty(field.property, language)
      : ofClaim(field.kind === 'claim' ? field.claim : 'username')),
  }));
}

function ofClaim(claim: AskedClaim | 'username') {
  return { claim, type: claimTypes[claim], label: null, isRequired: true, maxLength: null, choices: [] };
}

function ofProperty({ type, label, required, maxLength, choices = [] }: Property, language: string) {
  return {
    claim: null,
    type,
    label: labelIn(label, language),
    isRequired: required,
    maxLength: maxLength ?? null,
    choices: choices.map((choice) => ({ value: choice.value, label: labelIn(choice.label, language) })),
  };
}

const plain: ShownField = {
  name: 'name',
  type: 'text',
  claim: 'name',
  label: null,
  isRequired: true,
  value: '',
  maxLength: null,
  choices: [],
  error: null,
};
const team = { ...plain, name: 'property_team', claim: null, label: 'Team', maxLength: 64 };

/** For the samples of pages that ask: every claim, every type, and what can be wrong. */
export const fieldSamples = {
  name: [plain],
  everything: [
    ...Object.entries(claimTypes).map(([claim, type]) => ({
      ...plain,
      name: claim,
      claim: claim as AskedClaim | 'username',
      type,
    })),
    team,
    { ...team, name: 'property_size', type: 'number', label: 'Shoe size', isRequired: false },
    { ...team, name: 'property_news', type: 'boolean', label: 'Send me news', value: '1' },
    { ...team, name: 'property_start', type: 'date', label: 'First day', isRequired: false },
    {
      ...team,
      name: 'property_plan',
      type: 'choice',
      label: 'Plan',
      value: 'pro',
      choices: [
        { value: 'free', label: 'Free' },
        { value: 'pro', label: 'Professional' },
      ],
    },
    { ...team, name: 'property_page', type: 'url', label: 'Page of the team', isRequired: false },
  ],
  missing: Object.entries(claimTypes).map(([claim, type]) => ({
    ...plain,
    name: claim,
    claim: claim as AskedClaim | 'username',
    type,
    error: 'required',
  })),
  wrong: (['required', 'too_long', 'number', 'date', 'future', 'choice', 'url'] as const).map((error) => ({
    ...team,
    name: `property_${error}`,
    type: error === 'choice' ? 'choice' : 'text',
    value: error === 'required' ? '' : 'what was typed',
    error,
  })),
  username: (['length', 'characters', 'scripts', 'taken'] as const).map((error) => ({
    ...plain,
    name: `username_${error}`,
    claim: 'username',
    value: 'paypa1',
    error: `username_${error}`,
  })),
  hostile: [
    { ...plain, value: '"><script>alert(1)</script>' },
    { ...team, label: '<b onclick=alert(1)>Team</b>', value: '" autofocus onfocus="alert(1)' },
    {
      ...team,
      name: 'property_plan',
      type: 'choice',
      label: '"><i>',
      value: '"><u>',
      choices: [{ value: '"><u>', label: '</option></select><script>alert(1)</script>' }],
    },
  ],
} as const satisfies Readonly<Record<string, readonly ShownField[]>>;
