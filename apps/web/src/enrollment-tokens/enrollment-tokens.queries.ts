import { gql } from 'urql';

export interface EnrollmentToken {
  id: string;
  name: string;
  labels: Record<string, string>;
  expiresAt: string | null;
  maxUses: number | null;
  uses: number;
  createdAt: string;
  createdBy: string;
  revokedAt: string | null;
  mayTakeOver: boolean;
}

export const enrollmentTokensQuery = gql<{ enrollmentTokens: EnrollmentToken[] }, Record<string, never>>(`
  query EnrollmentTokens {
    enrollmentTokens { id name labels expiresAt maxUses uses createdAt createdBy revokedAt mayTakeOver }
  }
`);

export const opampEndpointQuery = gql<{ opampEndpoint: string }, Record<string, never>>(`
  query OpampEndpoint {
    opampEndpoint
  }
`);

export const createEnrollmentTokenMutation = gql<
  { createEnrollmentToken: { id: string; token: string } },
  {
    name: string;
    expiresAt: string | null;
    maxUses: number | null;
    labels: Record<string, string>;
    mayTakeOver: boolean;
  }
>(`
  mutation CreateEnrollmentToken(
    $name: String!, $expiresAt: DateTime, $maxUses: Int, $labels: JSON, $mayTakeOver: Boolean
  ) {
    createEnrollmentToken(
      name: $name, expiresAt: $expiresAt, maxUses: $maxUses, labels: $labels, mayTakeOver: $mayTakeOver
    ) { id token }
  }
`);

export const updateEnrollmentTokenMutation = gql<
  { updateEnrollmentToken: { id: string; mayTakeOver: boolean } },
  { id: string; mayTakeOver: boolean }
>(`
  mutation UpdateEnrollmentToken($id: ID!, $mayTakeOver: Boolean!) {
    updateEnrollmentToken(id: $id, mayTakeOver: $mayTakeOver) { id mayTakeOver }
  }
`);

export const revokeEnrollmentTokenMutation = gql<{ revokeEnrollmentToken: boolean }, { id: string }>(`
  mutation RevokeEnrollmentToken($id: ID!) {
    revokeEnrollmentToken(id: $id)
  }
`);
