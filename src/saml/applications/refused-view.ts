import { view } from '#kernel/views.ts';

/** Why a sign-in at an application does not go on. */
type RefusedPage = {
  reason: /** The request of the application is wrong. */
    | 'request'
    /** There is no such application, or no sign-in begins here. */
    | 'unknown'
    /** The sign-in came back too late, a second time, or in another browser. */
    | 'over'
    /** A message about a sign-out is wrong. */
    | 'logout';
  /** The name of the application; null where it is not known. */
  application: string | null;
};

const plain: RefusedPage = { reason: 'request', application: 'Wiki' };

export const refusedView = view<RefusedPage>('saml/applications/refused.njk', {
  samples: {
    plain,
    'no such application': { ...plain, reason: 'unknown', application: null },
    'a wrong sign-out': { ...plain, reason: 'logout', application: null },
    over: { ...plain, reason: 'over' },
    hostile: { ...plain, application: '<script>alert(1)</script>\u202E' },
    long: { ...plain, application: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft' },
  },
});
