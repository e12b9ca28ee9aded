//! Reading single objects.

use syncer_core::identity::ResourceType;

use super::{Call, Cluster, spot::Spot};
use crate::{Cause, Error, FieldsV1Kept, Next, Object, Verb, error::Subject, object::Decoder};

impl Cluster {
    /// The object as the server's store holds it now; none only if the server says that this very object is not there. A
    /// resource that is not served, or a namespace that is not there, is an error.
    pub async fn get(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        fields: FieldsV1Kept,
    ) -> Result<Option<Object>, Error> {
        let spot = Spot::of(resource, namespace, name);
        let call = Call::get(spot.subject(Verb::Get), spot.path());
        self.check(&call, resource)?;
        if let Some(rehearsed) = self.rehearsed(&call, spot, &fields) {
            return rehearsed;
        }
        match self.call(&call).await {
            Ok(reply) => self.decode(&call, resource, fields, reply).map(Some),
            Err(error) if error.next() == Next::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A name that is empty would address the whole collection, and one of dots another path.
    pub(crate) fn check(&self, call: &Call, resource: &ResourceType) -> Result<(), Error> {
        let Subject { namespace, name, .. } = &call.subject;
        let wrong = if matches!(&**name, "" | "." | "..") {
            Some("an object needs a name")
        } else if matches!(resource.scope, syncer_core::identity::Scope::Namespaced)
            && matches!(&**namespace, "" | "." | "..")
        {
            Some("an object of this kind needs a namespace")
        } else {
            None
        };
        wrong.map_or(Ok(()), |wrong| Err(self.error(call, Cause::Request(wrong.into()))))
    }

    pub(crate) fn decode(
        &self,
        call: &Call,
        resource: &ResourceType,
        fields: FieldsV1Kept,
        reply: super::call::Reply,
    ) -> Result<Object, Error> {
        let text = std::str::from_utf8(&reply.body)
            .map_err(|_| self.error(call, Cause::Decode("the object is no UTF-8".into())))?;
        let mut decoder = Decoder::of_one(resource.clone(), self.logical_cluster().clone(), fields);
        let object = decoder
            .object(text)
            .map_err(|error| self.error(call, Cause::decode("the object", &error)))?;
        Ok(object.with_warnings(reply.warnings))
    }
}
