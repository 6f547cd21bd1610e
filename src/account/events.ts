import { eventType } from '#audit/event-type.ts';

export const grantRevoked = eventType({
  name: 'grant.revoked',
  text: 'A user disconnected a client that needs no consent, and ended its tokens.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const userDataDownloaded = eventType({
  name: 'user.data_downloaded',
  text: 'A user downloaded what is kept about the account.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'account/change',
  webhook: true,
});
