import { type FieldRules, type NewPasswordProblem, newPasswordProblems, sampleRules } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';

/** The form behind the one-time link that the first start prints. */
export type AdminPage = {
  /** Where the form posts to. Fields: `name`, `email`, `password`, `password_again`; button `action=continue`. */
  action: string;
  /** Hidden fields of the form, such as the one-time secret of the link. */
  fields: Readonly<Record<string, string>>;
  name: string;
  email: string;
  errors: {
    name: 'required' | 'too_long' | null;
    email: 'required' | 'email' | 'taken' | null;
    password: NewPasswordProblem | null;
    passwordAgain: 'different' | null;
  };
  /** The rules for the password. */
  rules: FieldRules;
};

const plain: AdminPage = {
  action: '/setup/q0E4Tj2mQ8xV',
  fields: { token: 'b1946ac92492d234' },
  name: '',
  email: '',
  errors: { name: null, email: null, password: null, passwordAgain: null },
  rules: sampleRules,
};

export const adminView = view<AdminPage>('setup/admin.njk', {
  samples: {
    plain,
    empty: {
      ...plain,
      errors: {
        name: 'required',
        email: 'required',
        password: newPasswordProblems['no password']!,
        passwordAgain: null,
      },
    },
    'no address': {
      ...plain,
      name: 'Noor Haddad',
      email: 'noor at fernway',
      errors: { ...plain.errors, email: 'email', password: newPasswordProblems['short password']! },
    },
    taken: { ...plain, name: 'N'.repeat(300), errors: { ...plain.errors, name: 'too_long', email: 'taken' } },
    different: {
      ...plain,
      name: 'Noor Haddad',
      email: 'noor@fernway.example',
      errors: { ...plain.errors, passwordAgain: 'different' },
    },
    hostile: {
      ...plain,
      fields: { '"><b>': '"><b>' },
      name: '"><script>alert(1)</script>',
      email: '" onfocus="alert(1)',
    },
  },
});

/** The page that the link shows afterwards. */
type AdminEndPage = {
  /** `expired`: used before, too old, or never ours. */
  outcome: 'done' | 'expired';
  /** Where to go on. */
  nextUrl: string;
};

export const adminEndView = view<AdminEndPage>('setup/end.njk', {
  samples: {
    done: { outcome: 'done', nextUrl: '/' },
    expired: { outcome: 'expired', nextUrl: '/account' },
  },
});
