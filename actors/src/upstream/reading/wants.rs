//! What the rules want of an object, target by target.

use std::sync::Arc;

use syncer_clusters::Object;
use syncer_core::{
    Gvr, ObjectKey, dependencies,
    finalizer::{self, Waiting},
    marker::{PAUSED_ANNOTATION, PayloadHash},
    placement::{Newcomers, Place, Placement, Writes},
    plan::{Newcomer, Pause},
    status::Problem,
};

use super::{UpstreamReading, Want};
use crate::{
    finalizers::Concern,
    prescription::{Prescription, RenderError},
    settings::Writes as WhetherWritten,
    status_propagator::{StatusTerms, Wish},
    upstream::index::Activity,
};

// === impl UpstreamReading ===

impl UpstreamReading {
    /// What is wanted of `object` on each target of `placement`; no target gets what one of them cannot be made for (S11).
    pub(super) fn wants(&mut self, object: &Object, placement: &Placement) -> Result<Box<[Want]>, RenderError> {
        let pause = match object.annotations().get(PAUSED_ANNOTATION) {
            Some("true") => Pause::On,
            _ => Pause::Off,
        };
        let places = placement.places.iter();
        places.map(|place| self.want(object, place, pause)).collect()
    }

    /// Whether an object of `placement` has anything to do with finalizers.
    pub(super) fn concern_of(&self, placement: &Placement) -> Concern {
        let mut places = placement.places.iter();
        if places.any(|place| self.waits(place) == Waiting::Waits) {
            Concern::Waits
        } else {
            Concern::IfCarried
        }
    }

    /// Says what its status has to know of what is wanted of `object`.
    pub(super) fn show_status(&self, object: &Object, wants: &[Want]) {
        let wishes = wants.iter().map(wish).collect();
        self.base.status.upstream_seen(object, wishes, status_terms(wants));
    }

    /// What is said of an object that cannot be made for one of the targets of `placement`: whatever they hold of it stays (S11).
    pub(super) fn rests(&mut self, placement: &Placement) -> Box<[Want]> {
        let places = placement.places.iter();
        places
            .map(|place| Want {
                hash: PayloadHash(0),
                prescription: self.prescription(place),
                needs: place.needs,
                newcomer: Newcomer::KeptOut,
                activity: Activity::Rests,
                waits: self.waits(place),
            })
            .collect()
    }

    fn prescription(&mut self, place: &Place) -> Arc<Prescription> {
        let interned = (place.policy.name.clone(), place.target.name.clone(), place.needs);
        let resource = &self.resource;
        let made = self.prescriptions.entry(interned);
        made.or_insert_with(|| Arc::new(Prescription::of(place, resource)))
            .clone()
    }

    fn want(&mut self, object: &Object, place: &Place, pause: Pause) -> Result<Want, RenderError> {
        let prescription = self.prescription(place);
        let resource = &self.resource;
        let waits = self.waits(place);
        let activity = match place.writes {
            Writes::Allowed if pause == Pause::Off => self.activity(object, &prescription, waits),
            Writes::Allowed | Writes::Suspended => Activity::Rests,
        };
        // What is leaving needs no body, and must not wait for a transform to be mended.
        let hash = match activity {
            Activity::Leaves => PayloadHash(0),
            _ => self.base.bodies.make(object, resource, &prescription)?.payload.hash(),
        };
        Ok(Want {
            hash,
            prescription,
            needs: place.needs,
            newcomer: match place.newcomers {
                Newcomers::Welcome => Newcomer::Welcome,
                Newcomers::KeptOut => Newcomer::KeptOut,
            },
            activity,
            waits,
        })
    }

    /// Whether objects wait for the target of `place`.
    fn waits(&self, place: &Place) -> Waiting {
        let asked = place.policy.policy.spec.deletion.wait_for_downstream;
        let gvr = &self.resource.gvr;
        finalizer::waits(asked, self.base.provision(gvr), gvr)
    }

    /// What is done about `object`, about which something may be written, on the target of `prescription`.
    fn activity(&self, object: &Object, prescription: &Prescription, waits: Waiting) -> Activity {
        if waits == Waiting::Free {
            return Activity::Synced;
        }
        if object.deletion_timestamp().is_some() {
            return Activity::Leaves;
        }
        // A dry run sets none.
        if self.base.writes != WhetherWritten::Done || self.carries(object, &prescription.target.name) {
            return Activity::Synced;
        }
        Activity::AwaitsFinalizer
    }

    /// Whether `object` carries the finalizer of `target`.
    fn carries(&self, object: &Object, target: &Arc<str>) -> bool {
        let finalizer = self.finalizers.get(target);
        finalizer.is_some_and(|finalizer| object.finalizers().any(|present| *present == **finalizer))
    }

    /// What the pod template of `object` names, where a policy takes that along.
    pub(super) fn names(&self, object: &Object, wants: &[Want]) -> Box<[ObjectKey]> {
        if !wants.iter().any(|want| want.prescription.spec().dependencies) {
            return Box::default();
        }
        let Ok(tree) = object.to_value() else {
            return Box::default();
        };
        let key = object.key();
        let named = dependencies::of(&self.resource.gvr, &tree).into_iter();
        named
            .map(|reference| {
                let gvr = Gvr::new("", "v1", reference.kind.resource());
                ObjectKey::new(key.cluster.clone(), gvr, &key.namespace, &reference.name)
            })
            .collect()
    }
}

/// What the status of an object has to know of `want`.
fn wish(want: &Want) -> Wish {
    let rests = (want.activity == Activity::Rests).then(|| Problem {
        reason: "Paused".into(),
        message: "nothing is written: the object is paused, or its policy suspended".into(),
    });
    Wish {
        target: want.prescription.target.name.clone(),
        hash: want.hash,
        rests,
        newcomer: want.newcomer,
    }
}

/// What the policies say of the status: where several send an object to targets, the first of them.
fn status_terms(wants: &[Want]) -> StatusTerms {
    let Some(want) = wants.first() else {
        return StatusTerms::default();
    };
    let rules = &want.prescription.spec().status;
    StatusTerms {
        aggregation: rules.aggregation,
        stale_after: rules.stale_after.0,
        min_interval: rules.min_interval.0,
    }
}
