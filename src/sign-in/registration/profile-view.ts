import { view } from '#kernel/views.ts';
import { fieldSamples, type ShownField } from '#directory/users/module.ts';

/** Required fields that this user has not filled in yet. */
type ProfilePage = {
  /** The target of the form. Fields: all of `fields`; button `action=continue`. */
  action: string;
  identifier: string;
  fields: readonly ShownField[];
};

const plain: ProfilePage = {
  action: '/interaction/4Tj2/profile',
  identifier: 'noor@fernway.example',
  fields: fieldSamples.name,
};

export const profileView = view<ProfilePage>('sign-in/registration/profile.njk', {
  samples: {
    plain,
    'everything asked': { ...plain, fields: fieldSamples.everything },
    'everything missing': { ...plain, fields: fieldSamples.missing },
    'everything wrong': { ...plain, fields: fieldSamples.wrong },
    'a username': { ...plain, fields: fieldSamples.username },
    hostile: { ...plain, identifier: '"><b>@evil.example', fields: fieldSamples.hostile },
    long: { ...plain, identifier: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});
