//! sigv4, azuread and google_iam: declared in full, so that configurations are understood, and
//! refused where they stand until they are served.

use schema::{Arguments, Check, Secret};

/// AWS Signature Version 4.
#[derive(Arguments, Clone)]
#[arg(check = SigV4::refuse)]
pub struct SigV4 {
    /// Access key of AWS; from the environment when empty.
    pub access_key: String,
    /// External id for assuming the role.
    pub external_id: String,
    /// Profile of the AWS configuration to use.
    pub profile: String,
    /// Region of the endpoint.
    pub region: String,
    /// Role to assume.
    pub role_arn: String,
    /// Secret key of AWS; from the environment when empty.
    pub secret_key: Secret,
    /// Service that the signature is for.
    #[arg(default = "aps")]
    pub service_name: String,
    /// Ask the FIPS endpoint of STS.
    #[arg(default = false)]
    pub use_fips_sts_endpoint: bool,
}

impl SigV4 {
    fn refuse(&self, check: &mut Check<'_>) {
        refuse("sigv4", check);
    }
}

/// Tokens of Microsoft Entra ID.
#[derive(Arguments, Clone)]
#[arg(check = AzureAd::refuse)]
pub struct AzureAd {
    /// Which Azure cloud.
    #[arg(default = "AzurePublic")]
    pub cloud: String,
    /// Scope to ask tokens for, in place of the default one.
    #[arg(default = "")]
    pub scope: String,
    /// Use the identity that the machine has.
    #[arg(block)]
    pub managed_identity: Option<ManagedIdentity>,
    /// Use a registered application.
    #[arg(block)]
    pub oauth: Option<AzureOAuth>,
    /// Use what the Azure SDK finds.
    #[arg(block)]
    pub sdk: Option<AzureSdk>,
    /// Use the identity of a Kubernetes service account.
    #[arg(block)]
    pub workload_identity: Option<WorkloadIdentity>,
}

impl AzureAd {
    fn refuse(&self, check: &mut Check<'_>) {
        refuse("azuread", check);
    }
}

#[derive(Arguments, Clone)]
pub struct ManagedIdentity {
    /// Id of the client.
    #[arg(required)]
    pub client_id: String,
}

#[derive(Arguments, Clone)]
pub struct AzureOAuth {
    /// Id of the client.
    #[arg(required)]
    pub client_id: String,
    /// Secret of the client.
    #[arg(required)]
    pub client_secret: Secret,
    /// Id of the tenant.
    #[arg(required)]
    pub tenant_id: String,
}

#[derive(Arguments, Clone)]
pub struct AzureSdk {
    /// Id of the tenant.
    #[arg(required)]
    pub tenant_id: String,
}

#[derive(Arguments, Clone)]
pub struct WorkloadIdentity {
    /// Id of the client.
    #[arg(required)]
    pub client_id: String,
    /// Id of the tenant.
    #[arg(required)]
    pub tenant_id: String,
    /// File with the service account's token.
    #[arg(default = "/var/run/secrets/azure/tokens/azure-identity-token")]
    pub token_file_path: String,
}

/// Tokens of Google Cloud.
#[derive(Arguments, Clone)]
#[arg(check = GoogleIam::refuse)]
pub struct GoogleIam {
    /// File with the credentials; the application default ones when empty.
    pub credentials_file: String,
}

impl GoogleIam {
    fn refuse(&self, check: &mut Check<'_>) {
        refuse("google_iam", check);
    }
}

fn refuse(block: &str, check: &mut Check<'_>) {
    check.body(format!(
        "{block} is not yet supported; use basic_auth, authorization, oauth2 or bearer_token"
    ));
}
