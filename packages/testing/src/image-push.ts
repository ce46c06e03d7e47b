import type { Digest } from '@slipway/oci';
import { type Dispatcher, request } from 'undici';
import type { BuiltContent, BuiltImage, BuiltIndex } from './image-builder.ts';

/** Where to push to: a launched registry, or any that speaks plain http. */
export interface PushTarget {
  readonly host: string;
  readonly port: number;
}

export interface PushOptions {
  readonly credentials?: { readonly username: string; readonly password: string };
}

export interface PushedImage {
  /** `host:port/repository:tag`, to be given to `cf push`. */
  readonly reference: string;
  /** Of the manifest or index that the tag names now. */
  readonly digest: Digest;
}

/** Pushes an image or an index with all of its images over the distribution API. Blobs that are there are not sent. */
export async function pushImage(
  target: PushTarget,
  repository: string,
  tag: string,
  image: BuiltImage | BuiltIndex,
  options: PushOptions = {},
): Promise<PushedImage> {
  const session = new PushSession(target, repository, options);
  const images = image.kind === 'index' ? image.images : [image];
  for (const { blobs, manifest } of images) {
    for (const { digest, bytes } of blobs) {
      await session.putBlob(digest, bytes);
    }
    if (image.kind === 'index') {
      await session.putManifest(manifest.digest, manifest);
    }
  }
  await session.putManifest(tag, image.manifest);
  return { reference: `${target.host}:${target.port}/${repository}:${tag}`, digest: image.manifest.digest };
}

/** Pushes a manifest of any kind as it is; the blobs that it names must be there. */
export async function pushManifest(
  target: PushTarget,
  repository: string,
  tag: string,
  manifest: BuiltContent,
  options: PushOptions = {},
): Promise<void> {
  await new PushSession(target, repository, options).putManifest(tag, manifest);
}

/** Pushes one blob. */
export async function pushBlob(
  target: PushTarget,
  repository: string,
  blob: { readonly digest: Digest; readonly bytes: Buffer },
  options: PushOptions = {},
): Promise<void> {
  await new PushSession(target, repository, options).putBlob(blob.digest, blob.bytes);
}

type Answer = { readonly status: number; readonly headers: Dispatcher.ResponseData['headers']; readonly body: string };

class PushSession {
  readonly #base: string;
  readonly #repository: string;
  readonly #basic: string | undefined;
  #authorization: string | undefined;

  constructor({ host, port }: PushTarget, repository: string, { credentials }: PushOptions) {
    this.#base = `http://${host}:${port}`;
    this.#repository = repository;
    this.#basic =
      credentials && `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
  }

  async putBlob(digest: Digest, bytes: Buffer): Promise<void> {
    const known = await this.#send('HEAD', `/v2/${this.#repository}/blobs/${digest}`);
    if (known.status === 200) {
      return;
    }
    const started = await this.#send('POST', `/v2/${this.#repository}/blobs/uploads/`);
    expectStatus(started, 202, `start the upload of ${digest}`);
    const upload = new URL(String(started.headers.location), this.#base);
    upload.searchParams.set('digest', digest);
    const done = await this.#send('PUT', upload.href, bytes, 'application/octet-stream');
    expectStatus(done, 201, `upload ${digest}`);
  }

  async putManifest(selector: string, { mediaType, bytes }: BuiltContent): Promise<void> {
    const answer = await this.#send('PUT', `/v2/${this.#repository}/manifests/${selector}`, bytes, mediaType);
    expectStatus(answer, 201, `put manifest ${this.#repository}:${selector}`);
  }

  async #send(method: Dispatcher.HttpMethod, url: string, body?: Buffer, contentType?: string): Promise<Answer> {
    const first = await this.#request(method, url, body, contentType);
    if (first.status !== 401 || this.#basic === undefined) {
      return first;
    }
    this.#authorization = await this.#authorize(String(first.headers['www-authenticate']));
    return this.#request(method, url, body, contentType);
  }

  async #request(method: Dispatcher.HttpMethod, url: string, body?: Buffer, contentType?: string): Promise<Answer> {
    const {
      statusCode,
      headers,
      body: stream,
    } = await request(new URL(url, this.#base), {
      method,
      headers: {
        ...(this.#authorization === undefined ? {} : { authorization: this.#authorization }),
        ...(contentType === undefined ? {} : { 'content-type': contentType }),
      },
      ...(body === undefined ? {} : { body }),
    });
    return { status: statusCode, headers, body: await stream.text() };
  }

  async #authorize(challenge: string): Promise<string> {
    const param = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1] ?? '';
    if (!challenge.toLowerCase().startsWith('bearer')) {
      return this.#basic ?? '';
    }
    const url = new URL(param('realm'));
    url.searchParams.set('service', param('service'));
    url.searchParams.set('scope', `repository:${this.#repository}:pull,push`);
    const { body } = await request(url, { headers: { authorization: this.#basic ?? '' } });
    const { token } = (await body.json()) as { readonly token: string };
    return `Bearer ${token}`;
  }
}

function expectStatus({ status, body }: Answer, expected: number, what: string): void {
  if (status !== expected) {
    throw new Error(`cannot ${what}: the registry answered ${status} ${body.slice(0, 500)}`);
  }
}
