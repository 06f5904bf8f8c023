/** Converts messages of the provider protocol to and from our own types. */
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";
import anyPb from "google-protobuf/google/protobuf/any_pb.js";
import structPb from "google-protobuf/google/protobuf/struct_pb.js";
import { type DiffResult, PartlyMade } from "./resource.ts";
import type { Failure } from "./schema.ts";
import { decodeProps, encodeProps, type Json, type Props } from "./values.ts";

/** Decodes properties. */
export function propsFrom(struct: structPb.Struct | undefined): Props {
  return struct === undefined ? {} : decodeProps(struct.toJavaScript() as { [key: string]: Json });
}

/** Encodes properties. */
export function structFrom(props: Props): structPb.Struct {
  return structPb.Struct.fromJavaScript(encodeProps(props));
}

/** The response to a check. */
export function checkResponse(inputs: Props, failures: readonly Failure[]): providerPb.CheckResponse {
  const response = new providerPb.CheckResponse();
  response.setInputs(structFrom(inputs));
  response.setFailuresList(
    failures.map(({ property, reason }) => {
      const failure = new providerPb.CheckFailure();
      failure.setProperty(property);
      failure.setReason(reason);
      return failure;
    }),
  );
  return response;
}

/** The response to a diff. */
export function diffResponse({ changes, deleteBeforeReplace }: DiffResult): providerPb.DiffResponse {
  const response = new providerPb.DiffResponse();
  const { DiffChanges } = providerPb.DiffResponse;
  response.setChanges(changes.length === 0 ? DiffChanges.DIFF_NONE : DiffChanges.DIFF_SOME);
  response.setDiffsList(changes.map(({ property }) => property));
  const replaces = changes.filter(({ replace }) => replace).map(({ property }) => property);
  response.setReplacesList(replaces);
  response.setDeletebeforereplace(replaces.length > 0 && deleteBeforeReplace);
  response.setHasdetaileddiff(true);
  const details = response.getDetaileddiffMap();
  for (const { property, kind, replace } of changes) {
    const detail = new providerPb.PropertyDiff();
    const { Kind } = providerPb.PropertyDiff;
    const plain = { add: Kind.ADD, delete: Kind.DELETE, update: Kind.UPDATE }[kind];
    const fresh = { add: Kind.ADD_REPLACE, delete: Kind.DELETE_REPLACE, update: Kind.UPDATE_REPLACE }[kind];
    detail.setKind(replace ? fresh : plain);
    details.set(property, detail);
  }
  return response;
}

/** An error as the engine shows it: only the message, with the resource if it was created nevertheless. */
export function failureFrom(error: unknown): Partial<ServiceError> {
  const details = error instanceof Error ? error.message : String(error);
  const metadata = new Metadata();
  if (error instanceof PartlyMade) metadata.add("grpc-status-details-bin", Buffer.from(partlyMade(error)));
  return { code: status.UNKNOWN, details, metadata };
}

function partlyMade(error: PartlyMade): Uint8Array {
  const made = new providerPb.ErrorResourceInitFailed();
  made.setId(error.id);
  made.setProperties(structFrom(error.state));
  made.setReasonsList([error.message]);
  const detail = new anyPb.Any();
  detail.pack(made.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const outcome = new statusPb.Status();
  outcome.setCode(status.UNKNOWN);
  outcome.setMessage(error.message);
  outcome.addDetails(detail);
  return outcome.serializeBinary();
}
