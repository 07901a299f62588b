/** What one person chose on this machine: kept in the browser under the person's name. */
export class Kept<T> {
  constructor(
    private readonly user: string,
    private readonly name: string,
    private readonly usual: T,
  ) {}

  get(): T {
    const said = localStorage.getItem(this.#key);
    if (said === null) return this.usual;
    try {
      return JSON.parse(said) as T;
    } catch {
      // Somebody else wrote there: what is usual stands.
      return this.usual;
    }
  }

  set(value: T): void {
    localStorage.setItem(this.#key, JSON.stringify(value));
  }

  get #key(): string {
    return `callsmith:${this.user}:${this.name}`;
  }
}
