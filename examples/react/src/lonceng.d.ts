import type { DetailedHTMLProps, HTMLAttributes, Ref } from 'react';
import type { LoncengBell } from '../../../web/dist/lonceng';

// The hub serves these declarations at /lonceng.d.ts; in a project of your own, keep a copy.
export type { LoncengBell, Notification } from '../../../web/dist/lonceng';

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'lonceng-bell': DetailedHTMLProps<HTMLAttributes<LoncengBell>, LoncengBell> & {
        ref?: Ref<LoncengBell>;
        hub?: string;
        token?: string;
        'user-id'?: string;
        login?: string;
        'user-role'?: string;
        theme?: 'light' | 'dark';
        badge?: 'unread' | 'unseen';
      };
    }
  }
}
