import { view } from '#kernel/views.ts';

/** One member of a parameter list, a body or an answer. Its texts are English, as in the document. */
export type ShownMember = {
  name: string;
  /** `string (date-time)`, `list of objects`. */
  type: string;
  isRequired: boolean;
  text: string | null;
  /** The values of a choice. */
  values: readonly string[];
  members: readonly ShownMember[];
};

/** A field of the form that sends a call. */
export type ShownField = { name: string; in: string; type: string; isRequired: boolean; value: string };

export type ShownOperation = {
  id: string;
  method: string;
  path: string;
  /** The same below the path of the issuer, for requests of the page itself. */
  callUrl: string;
  summary: string;
  /** The sentences after the summary. */
  more: string | null;
  permission: string;
  isDeprecated: boolean;
  parameters: readonly { in: string; members: readonly ShownMember[] }[];
  body: { isRequired: boolean; members: readonly ShownMember[]; example: string } | null;
  answer: { status: string; members: readonly ShownMember[]; example: string };
  errors: readonly { status: string; code: string; text: string }[];
  curl: string;
  fields: readonly ShownField[];
};

export type ExplorerFrame = {
  /** Every noun with its page. */
  nouns: readonly { name: string; title: string; url: string; isBelow: boolean; isHere: boolean }[];
  clientId: string;
  issuer: string;
  /** Scopes to sign in with: what the operations on this page need. */
  scopes: readonly { name: string; text: string; isRead: boolean }[];
};

type OverviewPage = {
  frame: ExplorerFrame;
  address: string;
  resource: string;
  documentUrl: string;
  version: string;
  /** Text that the shown operations contain; empty for all. */
  query: string;
  count: number;
  groups: readonly {
    name: string;
    title: string;
    url: string;
    text: string;
    operations: readonly { id: string; method: string; path: string; summary: string; url: string }[];
  }[];
};

type NounPage = {
  frame: ExplorerFrame;
  title: string;
  text: string;
  operations: readonly ShownOperation[];
};

const frame: ExplorerFrame = {
  nouns: [
    { name: 'clients', title: 'clients', url: '/api/docs/clients', isBelow: false, isHere: false },
    { name: 'users', title: 'users', url: '/api/docs/users', isBelow: false, isHere: true },
    { name: 'users.identities', title: 'identities', url: '/api/docs/users.identities', isBelow: true, isHere: false },
  ],
  clientId: 'latchkey-api-docs',
  issuer: 'https://id.example.com',
  scopes: [
    { name: 'users.read', text: 'Read users', isRead: true },
    { name: 'users.manage', text: 'Create and change users', isRead: false },
  ],
};

const member = (given: Partial<ShownMember> & { name: string }): ShownMember => ({
  type: 'string',
  isRequired: false,
  text: null,
  values: [],
  members: [],
  ...given,
});

const disable: ShownOperation = {
  id: 'users.disable',
  method: 'POST',
  path: '/api/v1/users/{user_id}/disable',
  callUrl: '/api/v1/users/{user_id}/disable',
  summary: 'Disable a user and end all its sessions and tokens.',
  more: 'The user can be enabled again.',
  permission: 'users.manage',
  isDeprecated: false,
  parameters: [
    { in: 'path', members: [member({ name: 'user_id', isRequired: true })] },
    { in: 'header', members: [member({ name: 'Idempotency-Key', text: 'Text that is new for each call' })] },
  ],
  body: {
    isRequired: false,
    members: [member({ name: 'force', type: 'boolean', text: 'Also where it leaves organizations without an owner' })],
    example: '{\n  "force": false\n}',
  },
  answer: {
    status: '200',
    members: [
      member({ name: 'id', isRequired: true }),
      member({ name: 'status', isRequired: true, type: 'one of', values: ['active', 'disabled'] }),
      member({
        name: 'credentials',
        type: 'list of objects',
        members: [member({ name: 'created_at', type: 'string (date-time)' })],
      }),
    ],
    example: '{\n  "id": "usr_01h455vb4pex5vsknk084sn02q"\n}',
  },
  errors: [
    { status: '401', code: 'api.invalid_token', text: 'Send an access token for urn:latchkey:api that is valid now.' },
    { status: '404', code: 'users.not_found', text: 'There is no such user.' },
  ],
  curl: 'curl -X POST https://id.example.com/api/v1/users/usr_01h455vb4pex5vsknk084sn02q/disable \\\n  -H "Authorization: Bearer $TOKEN"',
  fields: [
    { name: 'user_id', in: 'path', type: 'string', isRequired: true, value: '' },
    { name: 'body', in: 'body', type: 'json', isRequired: false, value: '{\n  "force": false\n}' },
  ],
};
const list: ShownOperation = {
  ...disable,
  id: 'users.list',
  method: 'GET',
  path: '/api/v1/users',
  callUrl: '/api/v1/users',
  summary: 'List users.',
  more: null,
  isDeprecated: true,
  parameters: [{ in: 'query', members: [member({ name: 'limit', type: 'integer from 1 to 200' })] }],
  body: null,
  fields: [{ name: 'limit', in: 'query', type: 'integer', isRequired: false, value: '' }],
};

const row = ({ id, method, path, summary }: ShownOperation) => ({
  id,
  method,
  path,
  summary,
  url: `/api/docs/users#${id}`,
});
const overview: OverviewPage = {
  frame: { ...frame, nouns: frame.nouns.map((noun) => ({ ...noun, isHere: false })) },
  address: 'https://id.example.com/api/v1',
  resource: 'urn:latchkey:api',
  documentUrl: '/api/openapi.json',
  version: '0.1.0',
  query: '',
  count: 2,
  groups: [
    {
      name: 'users',
      title: 'users',
      url: '/api/docs/users',
      text: 'Users and their status.',
      operations: [row(list), row(disable)],
    },
  ],
};

export const overviewView = view<OverviewPage>('api/overview.njk', {
  samples: {
    plain: overview,
    'nothing found': { ...overview, query: 'flowers', count: 0, groups: [] },
    hostile: { ...overview, query: '"><script>alert(1)</script>', count: 0, groups: [] },
    long: {
      ...overview,
      address: `https://${'sub.'.repeat(30)}example.com/api/v1`,
      groups: overview.groups.map((group) => ({
        ...group,
        title: 'organization join requests '.repeat(3),
        operations: [{ ...row(disable), path: `/api/v1/${'organizations/{organization_id}/'.repeat(4)}disable` }],
      })),
    },
  },
});

const noun: NounPage = { frame, title: 'users', text: 'Users and their status.', operations: [list, disable] };

export const nounView = view<NounPage>('api/noun.njk', {
  samples: {
    plain: noun,
    long: {
      ...noun,
      operations: [
        {
          ...disable,
          path: `/api/v1/${'organizations/{organization_id}/'.repeat(4)}disable`,
          summary: 'Disable a user '.repeat(20),
          curl: `curl https://${'sub.'.repeat(60)}example.com`,
        },
      ],
    },
  },
});
