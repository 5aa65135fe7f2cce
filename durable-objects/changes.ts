/** Tells those who wait for it that a record has changed. */
export class Changes {
  #next = Promise.withResolvers<void>();

  announce(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers<void>();
  }

  /** Resolves at the next change. */
  next(): Promise<void> {
    return this.#next.promise;
  }
}
