import {
  manyButtons,
  type OtherWay,
  type ProviderButtons,
  rememberedWho,
  someButtons,
  type TurnedBack,
  unknownWho,
  type WhoShown,
} from '#sign-in/interaction/module.ts';
import { view } from '#kernel/views.ts';

/** The upstream providers that a sign-in can go on with. */
type ProvidersPage = WhoShown &
  ProviderButtons & {
    /** As it was typed; null where nothing was. */
    email: string | null;
    /** The box "Keep me signed in"; null where an earlier page had it. */
    remember: boolean | null;
    otherWays: readonly OtherWay[];
    problem: TurnedBack | null;
  };

const plain: ProvidersPage = {
  ...unknownWho,
  ...someButtons,
  email: 'noor@fernway.example',
  remember: false,
  otherWays: [{ way: 'password', url: '/interaction/4Tj2/password' }],
  problem: null,
};
export const providersView = view<ProvidersPage>('sign-in/federation/providers.njk', {
  samples: {
    plain,
    remembered: { ...plain, ...rememberedWho, lastProvider: 'github', remember: true },
    'no address yet': { ...plain, email: null, otherWays: [] },
    many: { ...plain, ...manyButtons },
    'asked before': { ...plain, remember: null },
    cancelled: { ...plain, problem: { kind: 'cancelled', provider: 'Google' } },
    unreachable: { ...plain, problem: { kind: 'unreachable', provider: 'Google' } },
    hostile: {
      ...plain,
      providers: [{ slug: 'evil', name: '"><script>alert(1)</script>\u202E', provider: 'oidc' }],
      email: '"><img src=x>@evil.example',
      problem: { kind: 'cancelled', provider: '<b>' },
    },
    long: {
      ...plain,
      providers: [
        {
          slug: 'long',
          name: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamten',
          provider: 'oidc',
        },
      ],
      lastProvider: 'long',
    },
  },
});
