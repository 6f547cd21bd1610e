import { view } from '#kernel/views.ts';
import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from '../account-frame.ts';

/** `role`: the highest built-in one. `roles`: names of all others. */
export type OwnOrganization = {
  id: string;
  name: string;
  status: 'active' | 'suspended' | 'closing';
  role: 'TENANT_OWNER' | 'TENANT_ADMIN' | 'TENANT_MANAGER' | 'TENANT_USER' | null;
  roles: readonly string[];
  /** Open requests to join it; none for a user who may not answer them. */
  requests: number;
};
export type OwnInvitation = { id: string; organization: string; email: string; expiresAt: Date };

/** `isAsked`: the user asked to join, and an administrator has not decided yet. */
export type OwnOffer = { organization: string; isAsked: boolean };

/** Fields: `invitation` with button `action=accept` or `decline`; `name` with button `action=create`. */
export type OrganizationsPage = {
  frame: AccountFrame;
  organizations: readonly OwnOrganization[];
  invitations: readonly OwnInvitation[];
  /** Null without one. Button `action=ask`. */
  offer: OwnOffer | null;
  /** Null for a user who may not create one; otherwise the typed name. */
  create: { name: string; error: 'required' | 'invalid' | null } | null;
  problem: 'over' | 'refused' | null;
};

const fernway: OwnOrganization = {
  id: 'org_1',
  name: 'Fernway Studio',
  status: 'active',
  role: 'TENANT_OWNER',
  roles: [],
  requests: 0,
};
const halden: OwnInvitation = {
  id: 'oin_1',
  organization: 'Halden',
  email: 'noor@fernway.example',
  expiresAt: new Date('2026-03-11T09:00:00Z'),
};
const plain: OrganizationsPage = {
  frame: sampleFrame,
  organizations: [
    fernway,
    { ...fernway, id: 'org_2', name: 'Kestrel', role: 'TENANT_USER', roles: ['BILLING'] },
    { ...fernway, id: 'org_3', name: 'Old Mill', status: 'closing', role: null },
  ],
  invitations: [halden],
  offer: null,
  create: { name: '', error: null },
  problem: null,
};

export const organizationsView = view<OrganizationsPage>('account/organizations/organizations.njk', {
  samples: {
    plain,
    none: { ...plain, organizations: [], invitations: [], create: null },
    'without a name': { ...plain, create: { name: '', error: 'required' } },
    'a wrong name': { ...plain, create: { name: 'a'.repeat(101), error: 'invalid' } },
    'an invitation that is over': { ...plain, invitations: [], problem: 'over' },
    'no more': { ...plain, create: null, problem: 'refused' },
    'may ask to join': { ...plain, offer: { organization: 'Orchard', isAsked: false } },
    'asked to join': { ...plain, offer: { organization: 'Orchard', isAsked: true } },
    suspended: { ...plain, organizations: [{ ...fernway, status: 'suspended', role: 'TENANT_ADMIN' }] },
    many: {
      ...plain,
      organizations: Array.from({ length: 30 }, (_, at) => ({
        ...fernway,
        id: `org_${at}`,
        name: at % 3 === 0 ? 'W'.repeat(64) : `Fernway ${at + 1}`,
        requests: at % 5,
      })),
    },
    manager: { ...plain, organizations: [{ ...fernway, role: 'TENANT_MANAGER', requests: 3 }] },
    hostile: {
      ...plain,
      frame: hostileFrame,
      organizations: [{ ...fernway, id: '"><b>', name: '<img src=x onerror=alert(1)>\u202E', roles: ['<b>x</b>'] }],
      invitations: [{ ...halden, id: '"><b>', organization: '<script>alert(1)</script>', email: '"><b>@x.example' }],
      offer: { organization: '<b onclick=alert(1)>x</b>', isAsked: false },
      create: { name: '"><script>', error: 'invalid' },
    },
    long: {
      ...plain,
      frame: longFrame,
      organizations: [
        { ...fernway, name: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft' },
      ],
      invitations: [{ ...halden, organization: 'D'.repeat(100), email: longFrame.identifier }],
      offer: { organization: 'D'.repeat(100), isAsked: false },
    },
  },
});

/** Button `action=confirm`. */
export type LeavePage = { frame: AccountFrame; id: string; organization: string; problem: 'last_owner' | null };

const leaving: LeavePage = { frame: sampleFrame, id: 'org_1', organization: 'Fernway Studio', problem: null };

export const leaveView = view<LeavePage>('account/organizations/leave.njk', {
  samples: {
    plain: leaving,
    'the only owner': { ...leaving, problem: 'last_owner' },
    hostile: { ...leaving, frame: hostileFrame, id: '"><b>', organization: '<script>alert(1)</script>\u202E' },
    long: { ...leaving, frame: longFrame, organization: 'D'.repeat(100) },
  },
});
