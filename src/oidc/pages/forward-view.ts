import { view } from '#kernel/views.ts';

/** A page that posts itself; the button is for browsers without scripts. */
type ForwardPage = {
  /** Where the form posts to: a registered address of another site, or a path of ours. */
  action: string;
  fields: Readonly<Record<string, string>>;
};

const plain: ForwardPage = {
  action: 'https://tally.example/callback',
  fields: { code: 'lk_ac_b1946ac92492d234', state: 'st', iss: 'https://id.example' },
};

export const forwardView = view<ForwardPage>('oidc/forward.njk', {
  samples: {
    plain,
    'to a path of ours': { action: '/oidc/logout/confirm', fields: { xsrf: 'b1946ac92492d234', logout: 'yes' } },
    hostile: { ...plain, fields: { state: '"><script>alert(1)</script></form><form action=https://evil.example>' } },
  },
});
