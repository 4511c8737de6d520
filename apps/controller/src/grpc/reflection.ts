import { status as code } from '@grpc/grpc-js';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { FILE_DESCRIPTOR_SET, type reflection } from '@spillway/protocol';

type Request = reflection.ServerReflectionRequest;
type Response = reflection.ServerReflectionResponse;

/** What server reflection answers about a set of .proto files; the same for v1 and v1alpha. */
export class Reflection {
  readonly #files = new Map<string, FileDescriptorProto>();
  readonly #symbols = new Map<string, string>();

  /** `services` are those that the server has; others are not listed. */
  constructor(
    private readonly services: readonly string[],
    set = FILE_DESCRIPTOR_SET,
  ) {
    for (const file of fromBinary(FileDescriptorSetSchema, Buffer.from(set, 'base64')).file) {
      this.#files.set(file.name, file);
      for (const symbol of symbolsOf(file)) this.#symbols.set(symbol, file.name);
    }
  }

  answer(request: Request): Response['messageResponse'] {
    const asked = request.messageRequest;
    switch (asked?.$case) {
      case 'listServices':
        return {
          $case: 'listServicesResponse',
          value: { service: this.services.map((name) => ({ name })) },
        };
      case 'fileByFilename':
        return this.#file(asked.value, `file ${asked.value}`);
      case 'fileContainingSymbol':
        return this.#file(this.#symbols.get(asked.value), `symbol ${asked.value}`);
      case 'allExtensionNumbersOfType':
        return this.#symbols.has(asked.value)
          ? {
              $case: 'allExtensionNumbersResponse',
              value: { baseTypeName: asked.value, extensionNumber: [] },
            }
          : notFound(`type ${asked.value}`);
      case 'fileContainingExtension':
        return notFound(`extension ${asked.value.extensionNumber} of ${asked.value.containingType}`);
      case undefined:
        break;
    }
    return {
      $case: 'errorResponse',
      value: { errorCode: code.INVALID_ARGUMENT, errorMessage: 'the request asks for nothing' },
    };
  }

  /** A file with everything it imports. */
  #file(name: string | undefined, what: string): Response['messageResponse'] {
    const found = new Map<string, Buffer>();
    const collect = (file: string): void => {
      const descriptor = this.#files.get(file);
      if (descriptor === undefined || found.has(file)) return;
      found.set(file, Buffer.from(toBinary(FileDescriptorProtoSchema, descriptor)));
      for (const dependency of descriptor.dependency) collect(dependency);
    };
    if (name !== undefined) collect(name);
    if (found.size === 0) return notFound(what);
    return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto: [...found.values()] } };
  }
}

/** The handler of one reflection stream. */
export function serveReflection(of: Reflection, stream: ServerDuplexStream<Request, Response>): void {
  stream.on('data', (request: Request) => {
    stream.write({
      validHost: request.host,
      originalRequest: request,
      messageResponse: of.answer(request),
    });
  });
  stream.on('end', () => stream.end());
}

const notFound = (what: string): Response['messageResponse'] => ({
  $case: 'errorResponse',
  value: { errorCode: code.NOT_FOUND, errorMessage: `${what} is not known` },
});

const within = (scope: string, name: string): string => (scope === '' ? name : `${scope}.${name}`);

/** Full names of messages, enums, services and methods of a file. */
function symbolsOf(file: FileDescriptorProto): string[] {
  const inMessage = (scope: string, message: DescriptorProto): string[] => {
    const own = within(scope, message.name);
    return [
      own,
      ...message.enumType.map((e) => within(own, e.name)),
      ...message.nestedType.flatMap((nested) => inMessage(own, nested)),
    ];
  };
  return [
    ...file.messageType.flatMap((m) => inMessage(file.package, m)),
    ...file.enumType.map((e) => within(file.package, e.name)),
    ...file.service.flatMap((s) => {
      const own = within(file.package, s.name);
      return [own, ...s.method.map((m) => within(own, m.name))];
    }),
  ];
}
