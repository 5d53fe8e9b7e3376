/** The sessions of whoever made a request, and of nobody else. */
export interface OwnSessions<S> {
  /** Whether everybody may call, so that strangers are one owner. Default: false. */
  readonly isOpenEndpoint?: boolean;
  byId(id: string): S | undefined;
  /** Whether a session is one of them. */
  readonly has: (session: S) => boolean;
  /** Whether nothing that its server could be made for tells the request from the one that opened a session. */
  openedAlike(session: S): boolean;
  /** Those for which `isMeant` holds. It is asked first: to look whose a session is costs more. */
  all(isMeant: (session: S) => boolean): readonly S[];
}
