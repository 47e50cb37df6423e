// Who trades here: a name is given to the desk, which gives a token for it that is good for some minutes.

const newBefore = 0.2;
const patience = 10_000;

export class Login {
  #user;
  #token = null;
  #receivedAt = 0;
  #lifetime = 0;

  constructor(user) {
    this.#user = user;
  }

  /** A token that is good for a while: the one there is, or a new one. */
  async token() {
    return this.#token !== null && this.renewInMilliseconds > 0 ? this.#token : this.renew();
  }

  /** A new token. */
  async renew() {
    const asked = performance.now();
    const response = await fetch('api/v1/login', {
      method: 'POST',
      signal: AbortSignal.timeout(patience),
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ user: this.#user }),
    });
    const answer = await response.json();
    if (!response.ok) {
      throw new Error(answer.error);
    }
    this.#token = answer.token;
    this.#receivedAt = asked;
    this.#lifetime = answer.expiresIn * 1000;
    return this.#token;
  }

  /** In how many milliseconds a new token is due: well before this one expires. */
  get renewInMilliseconds() {
    return Math.max(0, this.#receivedAt + this.#lifetime * (1 - newBefore) - performance.now());
  }

  /** The token there is was not good. */
  forget() {
    this.#token = null;
  }
}
