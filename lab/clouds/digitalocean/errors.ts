/** Errors in the form of DigitalOcean's API: `{id, message, request_id}`. */
export class ApiError extends Error {
  readonly status: number;
  readonly id: string;

  constructor(status: number, id: string, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.id = id;
  }
}

export const badRequest = (message: string): ApiError => new ApiError(400, "bad_request", message);
export const unauthorized = (): ApiError => new ApiError(401, "Unauthorized", "Unable to authenticate you");
export const forbidden = (message = "You are not authorized to perform this operation."): ApiError =>
  new ApiError(403, "Forbidden", message);
export const notFound = (message = "The resource you requested could not be found."): ApiError =>
  new ApiError(404, "not_found", message);
export const conflict = (message: string): ApiError => new ApiError(409, "conflict", message);
export const preconditionFailed = (message: string): ApiError =>
  new ApiError(412, "precondition_failed", message);
export const unprocessable = (message: string): ApiError =>
  new ApiError(422, "unprocessable_entity", message);
/** A feature of the real API that the stand-in lacks. */
export const notCovered = (what: string): ApiError =>
  new ApiError(
    501,
    "not_implemented",
    `This is a stand-in for DigitalOcean's API, and it does not cover ${what}.`,
  );
